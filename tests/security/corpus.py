# ruff: noqa: RUF001, S104, E501 - the look of these texts is what is tested
"""Ways to write a forbidden address, as attackers do in URLs.

`{port}` is the canary's. Sources: OWASP's SSRF prevention cheat sheet, the cloud providers' pages on their metadata
services, IANA's special-purpose registries, RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4291, and CVEs of
lenient parsers.
"""

from typing import Final

# Hosts that some parser or resolver takes for the loopback, a private, a metadata or another special address.
LOOPBACK_FORMS: Final = (
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "127.0.0.1.", "127.127.127.127", "127.255.255.254",
    "2130706433", "02130706433", "0x7f000001", "0x7F.0x0.0x0.0x1", "0x7f.1", "0x7f.0.1", "0177.0.0.1", "0177.1",
    "017700000001", "00000177.0.0.1", "0", "0.0.0.0", "00.00.00.00", "0x0", "0.0", "0.1", "①②⑦.0.0.1", "１２７.0.0.1",
    "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "127.0.0.1%00.example.com", "127.0.0.1%20", "127%2e0%2e0%2e1", "localhost",
    "LOCALHOST", "localhost.", "lOcAlHoSt", "localhost.localdomain", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ", "127.0.0.1.nip.io",
    "localtest.me", "ip6-localhost", "4294967297", "127.0.0.1.0", "0x7f000001.", "[::1]", "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::]", "[::1%25lo]", "[::1%lo]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::127.0.0.1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]",
    "[2001:0:7f00:1::]", "[::FFFF:127.0.0.1]", "[::1].", "[::ffff:0x7f.1]", "[v1.127.0.0.1]", "[127.0.0.1]",
)  # fmt: skip
PRIVATE_FORMS: Final = (
    "10.0.0.1", "10.1", "10.255.255.255", "167772161", "0xa000001", "012.0.0.1", "172.16.0.1", "172.31.255.254",
    "192.168.0.1", "192.168.1", "3232235521", "0xc0a80001", "0300.0250.0.1", "100.64.0.1", "100.127.255.254",
    "198.18.0.1", "198.19.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "[fc00::1]", "[fd00::1]", "[fdff:ffff::1]", "[fe80::1]",
    "[fe80::1%25eth0]", "[fec0::1]", "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]",
    "[5f00::1]", "[2001:2::1]", "[2001:10::1]", "[2620:4f:8000::1]", "[::ffff:10.0.0.1]", "[::ffff:192.168.0.1]",
    "[::ffff:172.16.0.1]", "[::ffff:a00:1]", "[64:ff9b::10.0.0.1]", "[2002:a00:1::]", "[4000::1]", "[::10.0.0.1]",
)  # fmt: skip
METADATA_FORMS: Final = (
    "169.254.169.254", "169.254.43518", "169.16689662", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376", "025177524776", "169.254.169.254.", "①⑥⑨.②⑤④.①⑥⑨.②⑤④", "169。254。169。254",
    "169.254.170.2", "169.254.170.23", "169.254.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16",
    "metadata.google.internal", "METADATA.GOOGLE.INTERNAL", "metadata.google.internal.", "metadata", "instance-data",
    "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
    "other.team-a.svc", "other.team-a.svc.cluster.local", "[fd00:ec2::254]", "[fd20:ce::254]",
    "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::169.254.169.254]", "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]", "[::169.254.169.254]", "[fe80::a9fe:a9fe]", "[::ffff:168.63.129.16]",
)  # fmt: skip
# Whole authorities that parsers read differently: where does the user end, where the host?
AUTHORITIES: Final = (
    "127.0.0.2@127.0.0.1:{port}", "user@127.0.0.1:{port}", "user:password@127.0.0.1:{port}", "@127.0.0.1:{port}",
    "127.0.0.2:80@127.0.0.1:{port}", "127.0.0.2#@127.0.0.1:{port}", "127.0.0.1:{port}#@127.0.0.2",
    "127.0.0.2?@127.0.0.1:{port}", "127.0.0.2%40127.0.0.1:{port}", "127.0.0.1\\@127.0.0.2:{port}",
    "127.0.0.2\\@127.0.0.1:{port}", "127.0.0.1:{port}\\.127.0.0.2", "127.0.0.1 .127.0.0.2:{port}",
    "127.0.0.1\t:{port}", "127.0.0.1\n:{port}", "127.0.0.1\r\nHost: x:{port}", "127.0.0.1\x00.example.com:{port}",
    "127.0.0.1:{port}:80", "127.0.0.1:0{port}", "127.0.0.1:+{port}", "[::1]:{port}@127.0.0.2", "[::1]127.0.0.2:{port}",
    "127.0.0.1&@127.0.0.2:{port}", "127.0.0.1;127.0.0.2:{port}", "127.0.0.1,127.0.0.2:{port}", "127.0.0.1/@127.0.0.2",
    "127.0.0.1%2f@127.0.0.2:{port}", "{{127.0.0.1}}:{port}", "127.0.0.1%0d%0a:{port}", "127.0.0.1%09:{port}",
    "%31%32%37.0.0.1:{port}", "127.0.0.1:", "127.0.0.1:{port}%20", "a@b@127.0.0.1:{port}", "127.0.0.1:99999",
)  # fmt: skip
# Names that resolve only to addresses that are not allowed, in the resolver of the tests.
NAMES: Final = {
    f"name-{number}.example.com": address
    for number, address in enumerate((
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.20.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.200",
        "169.254.169.254", "169.254.170.2", "168.63.129.16", "192.0.0.192", "192.0.2.7", "198.18.0.7", "198.51.100.7",
        "203.0.113.7", "224.0.0.7", "240.0.0.7", "255.255.255.255", "192.88.99.7", "::1", "::", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "fd20:ce::254", "fc00::7",
        "fe80::7", "fec0::7", "ff02::7", "2002:7f00:1::", "2001::7", "2001:db8::7", "3fff::7", "2620:4f:8000::7", "::7f00:1",
    ))
}  # fmt: skip
# Other schemes and shapes.
WHOLE: Final = (
    "file:///etc/passwd", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "dict://127.0.0.1:{port}/",
    "ldap://127.0.0.1:{port}/", "jar:http://127.0.0.1:{port}/!/", "unix:///var/run/docker.sock", "data:text/plain,x",
    "//127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "http:/127.0.0.1:{port}/", "http:///127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\", "127.0.0.1:{port}/", "http://", "https://:{port}/", "ws://127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/", "hTTp://127.0.0.1:{port}/", " http://127.0.0.1:{port}/", "http://127.0.0.1:{port}",
    "url:http://127.0.0.1:{port}/", "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "tftp://127.0.0.1:{port}/x",
)  # fmt: skip


def urls(port: int) -> list[str]:
    """Every form as a URL, each once."""
    hosts = (*LOOPBACK_FORMS, *PRIVATE_FORMS, *METADATA_FORMS, *NAMES)
    forms = [f"http://{host}:{port}/" for host in hosts]
    forms += [f"http://{authority.format(port=port)}/" for authority in AUTHORITIES]
    forms += [form.replace("{port}", str(port)) for form in WHOLE]
    return list(dict.fromkeys(forms))
