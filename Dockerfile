# The operator's image: `docker build .` or `buildah build .`. The build reads this repository and the package index.
# The console's image is the same with one more layer: `docker build --target=console .`.
#
# The base is pinned by the digest of its index (all platforms) of September 2026 (Debian 13.6, Python 3.13.15).
# `docker buildx imagetools inspect python:3.13-slim-trixie` shows a newer digest; --build-arg BASE_DIGEST=… takes it.
ARG BASE_NAME=docker.io/library/python:3.13-slim-trixie
ARG BASE_DIGEST=sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285
ARG PYTHON_IMAGE=${BASE_NAME}@${BASE_DIGEST}
# The base of the final image: the same Python at the same path. It needs no pip. If it is not PYTHON_IMAGE, BASE_NAME
# and BASE_DIGEST name it in the labels.
ARG RUNTIME_IMAGE=${PYTHON_IMAGE}

FROM ${PYTHON_IMAGE} AS libraries
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements/operator.txt requirements/build.txt requirements/
RUN python3 -m venv tools \
 && tools/bin/pip install --quiet --require-hashes --only-binary=:all: -r requirements/build.txt \
 && python3 -m venv --without-pip /opt/operator \
 && tools/bin/pip --python /opt/operator/bin/python3 install --quiet --require-hashes --only-binary=:all: --no-compile \
      -r requirements/operator.txt
# Remove what is never used, a third of the size of the libraries: an asyncio client, and models of 400 AWS services.
RUN cd /opt/operator/lib/python3*/site-packages \
 && rm -rf kubernetes/aio \
 && find botocore/data -mindepth 1 -maxdepth 1 -type d \
      ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin ! -name cloudwatch -exec rm -rf {} +
COPY image/bytecode.py image/bytecode.py

FROM libraries AS build
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
ARG SOURCE_DATE_EPOCH=0
# Byte code is compiled here, because the file system is read-only at run time. To save memory, it contains only those
# docstrings that the command line prints, and those that the console shows in the description of its API.
RUN export SOURCE_DATE_EPOCH PYTHONHASHSEED=0 \
 && tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir wheels . \
 && tools/bin/pip --python /opt/operator/bin/python3 install --quiet --no-deps --no-compile --no-index \
      --find-links wheels recording-operator \
 && /opt/operator/bin/python3 -B image/bytecode.py /opt/operator/lib \
      --documented /opt/operator/lib/python3*/site-packages/recording_operator/cli \
      --documented /opt/operator/lib/python3*/site-packages/recording_operator/console

# Libraries that only the console needs: what requirements/console.txt adds to the folder of the operator's libraries.
FROM libraries AS console-libraries
COPY requirements/console.txt requirements/
RUN cd /opt/operator/lib/python3*/site-packages \
 && ls | sort > /build/operators \
 && /build/tools/bin/pip --python /opt/operator/bin/python3 install --quiet --require-hashes --only-binary=:all: \
      --no-compile -r /build/requirements/console.txt \
 && ls | sort | comm -13 /build/operators - | sed "s|^|$PWD/|" > /build/added \
 && PYTHONHASHSEED=0 xargs -d '\n' python3 -B /build/image/bytecode.py < /build/added \
 && mkdir -p "/console$PWD" \
 && xargs -d '\n' cp -a -t "/console$PWD" < /build/added

FROM ${RUNTIME_IMAGE} AS rootfs
COPY --from=build /opt/operator /opt/operator
COPY image/sbom.py image/bytecode.py /
# The image contains no package installer, and of the documentation of packages only their licences. The base has no byte
# code of the standard library. As the file system is read-only at run time, each start would compile the library.
RUN rm -rf /usr/local/lib/python3*/site-packages /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
      /usr/local/bin/idle* /usr/local/bin/pydoc* /var/lib/apt/lists/* /var/cache/* /var/log/* /root/.cache \
 && find /usr/share/doc -not -name copyright -not -xtype d -delete \
 && find /usr/share/doc -type d -empty -delete \
 && PYTHONHASHSEED=0 python3 -B /bytecode.py --skip test,tests,idlelib,lib2to3,tkinter,turtledemo \
      "$(python3 -B -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && /opt/operator/bin/python3 -B /sbom.py > /opt/operator/sbom.cdx.json \
 && rm /sbom.py /bytecode.py

# The bill of materials of the console's image, beside the files of its layer.
FROM rootfs AS console-rootfs
COPY --from=console-libraries /console /console
COPY image/sbom.py /
RUN cp -a /console/. / && /opt/operator/bin/python3 -B /sbom.py > /console/opt/operator/sbom.cdx.json

# One layer, so that removed files are not in the image.
FROM scratch AS operator
COPY --from=rootfs / /
ARG BASE_NAME
ARG BASE_DIGEST
ARG VERSION=0.1.0
ARG REVISION=unknown
# The source repository of this build, and its documentation. A fork sets its own.
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
# The user has no entry in /etc/passwd (and any id on OpenShift), so libraries read its name from here.
ENV PATH=/opt/operator/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    USER=recording-operator HOME=/tmp
# By default, glibc gives almost every thread its own heap, and keeps larger buffers there after some were freed. With
# dozens of short-lived threads, this increases the memory of the operator by half. Source: mallopt(3).
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
# The program itself is process 1 and receives the signals.
ENTRYPOINT ["/opt/operator/bin/recording-operator"]
CMD ["run"]

FROM operator AS console
COPY --from=console-rootfs /console /
LABEL org.opencontainers.image.title="recording-operator-console" \
      org.opencontainers.image.description="Shows recordings in a browser and over HTTP"
CMD ["console"]

# What is built where no target is named.
FROM operator
