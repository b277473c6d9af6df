"""Write what is in the image as a CycloneDX 1.6 bill of materials; run by the Dockerfile with the image's own Python.

Python distributions come from their own metadata, Debian packages from dpkg's list and their `copyright` files. The
same content gives the same text.
"""

import json
import platform
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import quote

DPKG = Path("/var/lib/dpkg/status")
DOCUMENTATION = Path("/usr/share/doc")
# The machine-readable format, https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/, and its field.
_MACHINE_READABLE = re.compile(r"^Format(-Specification)?:", re.IGNORECASE)
_LICENCE = re.compile(r"^License:[ \t]*(\S.*?)\s*$", re.MULTILINE | re.IGNORECASE)
# Older files name the texts that they apply.
_COMMON_LICENCE = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9])")
_LONGEST_LICENCE = 60  # characters; a longer value of the old field `License` is the text itself


def python_component(found: Distribution) -> dict[str, object]:
    """One installed distribution."""
    name, version = str(found.metadata["Name"]).lower().replace("_", "-"), found.version
    component: dict[str, object] = {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "bom-ref": f"pkg:pypi/{name}@{version}",
    }
    if licence := found.metadata.get("License-Expression"):
        component["licenses"] = [{"expression": licence}]
    elif names := [
        line.split(" :: ")[-1] for line in found.metadata.get_all("Classifier") or () if "License ::" in line
    ]:
        component["licenses"] = named(names)
    elif (licence := (found.metadata.get("License") or "").strip()) and len(licence) <= _LONGEST_LICENCE:
        component["licenses"] = named([licence])
    return component


def named(licences: list[str]) -> list[dict[str, object]]:
    """Licences by the names that their packages use, which are not always those of SPDX."""
    return [{"license": {"name": name}} for name in licences]


def interpreter() -> dict[str, object]:
    """Python itself: where it was built from source, no package says so."""
    version = ".".join(map(str, sys.version_info[:3]))
    ref = f"pkg:generic/python@{version}"
    licences = [{"license": {"id": "PSF-2.0"}}]
    return {"type": "platform", "name": "python", "version": version, "purl": ref, "bom-ref": ref, "licenses": licences}


def debian_components() -> list[dict[str, object]]:
    """Every package that dpkg takes for installed."""
    if not DPKG.exists():
        return []
    components: list[dict[str, object]] = []
    system = platform.freedesktop_os_release()
    distro = f"{system['ID']}-{system['VERSION_ID']}"
    for block in DPKG.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Package"):
            package, version = fields["Package"], fields["Version"]
            # A plus sign in a version would be read as a blank (purl specification, "Rules for each purl component").
            ref = f"pkg:deb/debian/{quote(package)}@{quote(version)}?arch={fields['Architecture']}&distro={distro}"
            component: dict[str, object] = {"type": "library", "name": package, "version": version}
            if licences := debian_licences(package):
                component["licenses"] = named(licences)
            components.append({**component, "purl": ref, "bom-ref": ref})
    return components


def debian_licences(package: str) -> list[str]:
    """The licences that a package's `copyright` file names, or where to read them; empty where it has no such file."""
    path = DOCUMENTATION / package / "copyright"
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    names = _LICENCE if _MACHINE_READABLE.match(text.lstrip()) else _COMMON_LICENCE
    return sorted(set(names.findall(text))) or [f"see {path}"]


def main() -> None:
    """Print the document."""
    libraries = [python_component(found) for found in distributions() if found.metadata["Name"]]
    components = sorted([interpreter(), *libraries, *debian_components()], key=lambda component: str(component["purl"]))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "recording-operator", "bom-ref": "image"}},
        "components": components,
    }
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
