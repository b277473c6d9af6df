# The operator's image: `docker build .` or `buildah build .`; nothing but this repository and the package index is read.
#
# The base is pinned: the index (all platforms) that the tag named in September 2026 (Debian 13.6, Python 3.13.15).
# `docker buildx imagetools inspect python:3.13-slim-trixie` shows a newer digest; --build-arg BASE_DIGEST=… takes it.
ARG BASE_NAME=docker.io/library/python:3.13-slim-trixie
ARG BASE_DIGEST=sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285
ARG PYTHON_IMAGE=${BASE_NAME}@${BASE_DIGEST}
# The image that the operator runs in: the same Python at the same path. It needs no pip. Where it is another image than
# PYTHON_IMAGE, BASE_NAME and BASE_DIGEST name it in the labels.
ARG RUNTIME_IMAGE=${PYTHON_IMAGE}

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements/operator.txt requirements/build.txt requirements/
RUN python3 -m venv tools \
 && tools/bin/pip install --quiet --require-hashes --only-binary=:all: -r requirements/build.txt \
 && python3 -m venv --without-pip /opt/operator \
 && tools/bin/pip --python /opt/operator/bin/python3 install --quiet --require-hashes --only-binary=:all: --no-compile \
      -r requirements/operator.txt
# A third of what the libraries weigh is never asked for: an asyncio client, and models of 400 other services of AWS.
RUN cd /opt/operator/lib/python3*/site-packages \
 && rm -rf kubernetes/aio \
 && find botocore/data -mindepth 1 -maxdepth 1 -type d \
      ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin ! -name cloudwatch -exec rm -rf {} +
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
COPY image/bytecode.py image/bytecode.py
ARG SOURCE_DATE_EPOCH=0
# Byte code is made here, once, and trusted as it is: the file system cannot be written later. It has no docstrings but
# those that the command line prints, which saves memory.
RUN export SOURCE_DATE_EPOCH PYTHONHASHSEED=0 \
 && tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir wheels . \
 && tools/bin/pip --python /opt/operator/bin/python3 install --quiet --no-deps --no-compile --no-index \
      --find-links wheels recording-operator \
 && /opt/operator/bin/python3 -B image/bytecode.py /opt/operator/lib \
      --documented /opt/operator/lib/python3*/site-packages/recording_operator/cli

FROM ${RUNTIME_IMAGE} AS rootfs
COPY --from=build /opt/operator /opt/operator
COPY image/sbom.py image/bytecode.py /
# The image holds no package installer. Of a package's documentation its licence stays. The base has no byte code of the
# standard library, and the file system cannot be written at run time: without it, each start would compile the library.
RUN rm -rf /usr/local/lib/python3*/site-packages /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
      /usr/local/bin/idle* /usr/local/bin/pydoc* /var/lib/apt/lists/* /var/cache/* /var/log/* /root/.cache \
 && find /usr/share/doc -not -name copyright -not -xtype d -delete \
 && find /usr/share/doc -type d -empty -delete \
 && PYTHONHASHSEED=0 python3 -B /bytecode.py --skip test,tests,idlelib,lib2to3,tkinter,turtledemo \
      "$(python3 -B -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && /opt/operator/bin/python3 -B /sbom.py > /opt/operator/sbom.cdx.json \
 && rm /sbom.py /bytecode.py

# One layer, in which what was removed is not there either.
FROM scratch
COPY --from=rootfs / /
ARG BASE_NAME
ARG BASE_DIGEST
ARG VERSION=0.1.0
ARG REVISION=unknown
# Where the source of this build is, and where its users find more: a fork names its own.
ARG SOURCE=https://recordings.dev/source
ARG URL=https://recordings.dev
LABEL org.opencontainers.image.title="recording-operator" \
      org.opencontainers.image.description="Moves recordings from expiring URLs to object storage, byte for byte" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.url="${URL}" \
      org.opencontainers.image.base.name="${BASE_NAME}" \
      org.opencontainers.image.base.digest="${BASE_DIGEST}"
# The user has no entry in /etc/passwd (and on OpenShift any number): libraries that ask for its name find it here.
ENV PATH=/opt/operator/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    USER=recording-operator HOME=/tmp
# glibc gives about every thread a heap of its own, and learns from freed buffers to keep larger ones there. An operator
# with dozens of threads that come and go then holds half again of its memory as holes. Source: mallopt(3).
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
# The program itself is process 1 and gets the signals.
ENTRYPOINT ["/opt/operator/bin/recording-operator"]
CMD ["run"]
