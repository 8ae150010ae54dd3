#!/usr/bin/env python3
"""The bill of materials of a build, CycloneDX 1.5 in JSON: what each program and library of it is
linked with, as the files themselves say, and the versions that pkg-config names.  The same build
gives the same bytes: there is no time and no number of its own in it.

    sbom.py BUILD >netsession.cdx.json
"""

import json
import os
import re
import subprocess
import sys

PARTS = (  # name, kind, what is only for tests
    ("libnetsession.so", "library", False),
    ("netsession", "application", False),
    ("sessiond", "application", True),
    ("tests/check", "application", True),
)
# What a library's name begins with: the module of pkg-config, whose work it is, its licence.
KNOWN = {
    "libcrypto": ("libcrypto", "OpenSSL", "Apache-2.0"),
    "libgssapi_krb5": ("krb5-gssapi", "MIT Kerberos", "MIT"),
    "libkrb5": ("krb5", "MIT Kerberos", "MIT"),
    "libk5crypto": ("krb5", "MIT Kerberos", "MIT"),
    "libjansson": ("jansson", "Jansson", "MIT"),
    "libevent_core": ("libevent_core", "libevent", "BSD-3-Clause"),
    "libcheck": ("check", "Check", "LGPL-2.1-or-later"),
    "libsubunit": ("libsubunit", "subunit", "Apache-2.0 OR BSD-3-Clause"),
}
CHECKED_STATICALLY = "tests/check"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def own_version():
    with open("include/netsession.h") as header:
        return re.search(r'NETSESSION_VERSION "(.*)"', header.read())[1]


def needed(build, part):
    """The shared libraries that it asks the loader for, without their versions."""
    text = output("readelf", "-d", "--wide", os.path.join(build, part))
    names = re.findall(r"\(NEEDED\).*\[(lib\w+)(?:-[\d.]+)?\.so[.\d]*\]", text)
    if part == CHECKED_STATICALLY and "libcheck" not in names:
        names.append("libcheck")  # Debian's is an archive
    return sorted(names)


def version(name):
    if name in KNOWN:
        return output("pkg-config", "--modversion", KNOWN[name][0]).strip()
    if name in ("libc", "libm", "libpthread", "librt"):
        return output("getconf", "GNU_LIBC_VERSION").split()[1]
    sys.exit(f"sbom.py: {name} is linked, and not known here")


def library(name, required):
    _, work, licence = KNOWN.get(name, ("", "GNU C Library", "LGPL-2.1-or-later"))
    number = version(name)
    return {
        "type": "library", "bom-ref": name, "group": work, "name": name, "version": number,
        "scope": "required" if required else "excluded",
        "licenses": [{"expression": licence}],
        "purl": f"pkg:generic/{name}@{number}",
    }


def own(part, kind, test):
    return {
        "type": kind, "bom-ref": part, "group": "netsession", "name": part,
        "version": own_version(), "scope": "excluded" if test else "required",
        "licenses": [{"license": {"id": "MIT"}}],
    }


def bill(build):
    parts = [p for p in PARTS if os.path.exists(os.path.join(build, p[0]))]
    uses = {part: needed(build, part) for part, _, _ in parts}
    required = {name for part, _, test in parts if not test for name in uses[part]}
    libraries = sorted({name for names in uses.values() for name in names})
    top = {"type": "application", "bom-ref": "project", "name": "netsession",
           "version": own_version(), "licenses": [{"license": {"id": "MIT"}}]}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": top},
        "components": [own(*part) for part in parts]
        + [library(name, name in required) for name in libraries],
        "dependencies": [{"ref": "project", "dependsOn": list(uses)}]
        + [{"ref": part, "dependsOn": names} for part, names in uses.items()]
        + [{"ref": name} for name in libraries],
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build_folder = os.path.abspath(sys.argv[1])
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    json.dump(bill(build_folder), sys.stdout, indent=2)
    print()
