"""The source policy: what it rejects, and the messages for an invalid policy."""

from ipaddress import ip_address

import pytest
from pydantic import ValidationError

from recording_operator.egress.addresses import may_be_endpoint
from recording_operator.egress.errors import InvalidRedirectError, InvalidUrlError
from recording_operator.egress.policy import RateFloor, SourcePolicy
from recording_operator.egress.url import follow, parse_url

DEFAULT = SourcePolicy()
NOT_PUBLIC = [
    "0.0.0.1",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "ff02::1",
    "64:ff9b::7f00:1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "2620:4f:8000::1",
    "100::1",
    "4000::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "168.63.129.15",
    "2606:4700::1",
    "2a00:1450:4001::1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_s14_no_connection_to_what_is_not_public(address: str) -> None:
    assert not DEFAULT.permits_address(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert DEFAULT.permits_address(ip_address(address))


def test_holes_and_denials() -> None:
    policy = SourcePolicy.model_validate(
        {
            "allowPrivateCIDRs": ["10.1.0.0/16", "fd00::/8"],
            "denyCIDRs": ["10.1.2.0/24", "8.8.8.0/24"],
            "ipv6": "Disabled",
        }
    )
    assert policy.permits_address(ip_address("10.1.1.1"))
    assert policy.permits_address(ip_address("::ffff:10.1.1.1"))
    for refused in ("10.1.2.3", "8.8.8.8", "10.2.0.1", "fd00::1", "2606:4700::1"):
        assert not policy.permits_address(ip_address(refused)), refused


@pytest.mark.parametrize(
    "host", ["localhost", "api.default.svc", "x.cluster.local", "metadata.google.internal", "kubernetes.default"]
)
def test_names_of_the_cluster_are_denied(host: str) -> None:
    assert not DEFAULT.permits_host(host)


def test_allowed_hosts() -> None:
    policy = SourcePolicy.model_validate({"allowedHosts": ["*.zoom.us", "Media.Example.com"]})
    assert policy.permits_host("eu.zoom.us")
    assert policy.permits_host("media.example.com")
    for refused in ("zoom.us", "evilzoom.us", "zoom.us.evil.com", "example.com"):
        assert not policy.permits_host(refused), refused


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"prots": [1]}, "prots"),
        ({"allowPrivateCIDRs": ["10.0.0.1/8"]}, "no bits set after the prefix"),
        ({"denyCIDRs": ["everything"]}, "10.0.0.0/8"),
        ({"timeouts": {"dns": "5 days"}}, "30s, 10m or 720h"),
        ({"timeouts": {"read": "0s"}}, "greater than 0"),
        ({"timeouts": {"minThroughput": "64KiB"}}, "64KiB/120s"),
        ({"tls": {"insecureSkipVerify": True}}, "insecureSkipVerify"),
        ({"tls": {"minVersion": "1.0"}}, "1.2"),
        ({"schemes": ["ftp"]}, "https"),
        ({"schemes": []}, "at least one"),
        ({"ports": [0]}, "greater than"),
        ({"allowedHosts": ["a*b.com"]}, "*.zoom.us"),
        ({"limits": {"artifactBytes": "1 parsec"}}, "500Gi"),
        ({"maxRedirects": -1}, "greater than"),
        ({"ipv6": "Yes"}, "PublicOnly"),
    ],
)
def test_a_wrong_policy_is_rejected_with_what_to_write(block: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SourcePolicy.model_validate(block)
    assert words in str(caught.value)


def test_a_rate() -> None:
    assert RateFloor.parse("64KiB/120s") == RateFloor(size_bytes=65536, window_s=120)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "fd00:ec2::254", "168.63.129.16", "100.100.100.200", "0.0.0.1"]
)
def test_an_endpoint_is_never_a_metadata_service(address: str) -> None:
    assert not may_be_endpoint(ip_address(address))


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "192.168.1.1", "52.216.0.1", "fd12::1"])
def test_an_endpoint_may_be_private(address: str) -> None:
    assert may_be_endpoint(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "", "video.mp4", "//h/x", "https://", "ftp://h/x", "file:///etc/passwd", "javascript:alert(1)",
        "https://u@h/x", "https://u:p@h/x", "https://h/x#f", "https://h:0/", "https://h:99999/", "https://h:x/",
        "https://h /x", "https://h/a b", "https://h/\n", "https://h/\tx", "https://h\\@evil/",
        "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://1.2.3.4.5/",
        "https://127.0.0.1\x00.example.com/", "https://[::1%25eth0]/", "https://[::1/", "https://-h-/",
        "https://h..x/", "https://%31/", "https://" + "a" * 254 + "/",
    ],
)  # fmt: skip
def test_c14_urls_that_are_not_usable(url: str) -> None:
    with pytest.raises(InvalidUrlError) as caught:
        parse_url(url)
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://H.Example.com./a/../b?x=%2F&y=a+b", "h.example.com", 443, "/a/../b?x=%2F&y=a+b"),
        ("http://h:8080", "h", 8080, "/"),
        ("https://127.0.0.1/x", "127.0.0.1", 443, "/x"),
        ("https://[2606:4700::1]:8443/x", "2606:4700::1", 8443, "/x"),
        ("https://bücher.example/ü", "xn--bcher-kva.example", 443, "/%C3%BC"),
        ("https://①②⑦.0.0.1/", "127.0.0.1", 443, "/"),
        ("https://h?x=1", "h", 443, "/?x=1"),
    ],
)
def test_urls_are_read_strictly_and_kept_as_signed(url: str, host: str, port: int, target: str) -> None:
    parsed = parse_url(url)
    assert (parsed.host, parsed.port, parsed.target) == (host, port, target)
    assert target not in repr(parsed) or target == "/"


def test_redirect_targets() -> None:
    here = parse_url("https://a.example/x/y?q=1")
    assert follow(here, "z").target == "/x/z"
    assert follow(here, "/z w#f").target == "/z%20w"
    assert follow(here, "//b.example:444/z").origin == ("https", "b.example", 444)
    for wrong in ("javascript:alert(1)", "file:///etc/passwd", "https://u:p@h/", "http://[::1"):
        with pytest.raises(InvalidRedirectError) as caught:
            follow(here, wrong)
        assert "q=1" not in str(caught.value)
