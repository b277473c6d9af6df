"""An operator that refreshes reports, and a location whose keys contain the organisation."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import Credentials, OperatorProcess, S3Server
from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.kube.rest import RestClient
from tests.conftest import LocationFactory
from tests.support.nursery import ForkedOperator, Nursery
from tests.support.report_time import ReportTime
from tests.support.reports import TEMPLATE
from tests.support.world import write_settings


@pytest.fixture
def start(operators: Callable[..., OperatorProcess], tmp_path: Path) -> Callable[..., OperatorProcess]:
    """Starts an operator with short waits."""

    def begin(**settings: Any) -> OperatorProcess:
        operator = operators(policy=write_settings(tmp_path, **settings))
        operator.start()
        return operator

    return begin


@pytest.fixture
def user(s3: S3Server, namespace: str, bucket: str) -> Credentials:
    """A user who may do everything in the bucket."""
    user = Credentials(access_key=f"user-{namespace}", secret_key="CANARY-of-a-user")
    s3.create_user(user)
    s3.allow(user, bucket=bucket, actions=("s3:*",))
    return user


@pytest.fixture
def place(location: LocationFactory) -> str:
    """A location whose keys contain the organisation."""
    return location(spec={"keyTemplate": TEMPLATE})


@pytest.fixture
def report_time(tmp_path: Path) -> ReportTime:
    """The time of the operators that `start_dated` starts."""
    return ReportTime(tmp_path)


@pytest.fixture
def start_dated(
    admin: RestClient, operator_kubeconfig: Path, nursery: Nursery, report_time: ReportTime, tmp_path: Path
) -> Iterator[Callable[[], OperatorProcess]]:
    """Starts operators that count and report at `report_time`, with short waits. They are killed after the test."""
    made: list[OperatorProcess] = []

    def begin() -> OperatorProcess:
        operator = ForkedOperator(
            nursery=nursery,
            kubeconfig=operator_kubeconfig,
            log=tmp_path / f"dated-{len(made)}.log",
            policy=write_settings(tmp_path),
            environment=report_time.environment,
        )
        made.append(operator)
        operator.start()
        return operator

    yield begin
    for operator in made:
        operator.kill()
    admin.request("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases")
