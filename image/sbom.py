"""Write what is in the image as a CycloneDX 1.6 bill of materials; run by the Dockerfile with the image's own Python.

Python distributions from their own metadata, Debian packages from dpkg's list. The same content gives the same text.
"""

import json
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

DPKG = Path("/var/lib/dpkg/status")


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
        component["licenses"] = [{"license": {"name": entry}} for entry in names]
    return component


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
    for block in DPKG.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Package"):
            ref = f"pkg:deb/debian/{fields['Package']}@{fields['Version']}?arch={fields['Architecture']}"
            component = {"type": "library", "name": fields["Package"], "version": fields["Version"]}
            components.append({**component, "purl": ref, "bom-ref": ref})
    return components


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
