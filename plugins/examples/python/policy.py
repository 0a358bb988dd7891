"""The policy `stated-repository`: a release says where its source is, and that is at a host that the operator knows.

It objects and never vouches: what it has nothing against it abstains from. `repository` is the publisher's own claim, so
this is housekeeping and no security.
"""

import json
from typing import Any, Optional

import wit_world
from componentize_py_types import Err
from wit_world.exports.plugin import Description, Problem
from wit_world.exports.verification import (
    Item,
    Verdict,
    Verdict_Abstain,
    Verdict_Deny,
    Verdict_Warn,
)
from wit_world.imports.types import Job, Reason, Task

PROPERTIES: dict[str, dict[str, Any]] = {
    "hosts": {
        "type": ["array", "null"],
        "items": {"type": "string"},
        "description": "Hosts where a repository may be. Not given: any.",
        "default": None,
    },
    "action": {
        "enum": ["warn", "deny"],
        "description": "What becomes of a release that states none, or another host.",
        "default": "warn",
    },
}

settings: dict[str, Any] = {name: described["default"] for name, described in PROPERTIES.items()}


def problems(given: Any) -> list[Problem]:
    """Every problem with the settings, each with its JSON Pointer."""
    if not isinstance(given, dict):
        return [Problem("", "must be an object")]
    found = []
    for key in given:
        if key not in PROPERTIES:
            pointer = key.replace("~", "~0").replace("/", "~1")
            found.append(Problem(f"/{pointer}", f"there is no setting `{key}`"))
    hosts = given.get("hosts")
    if hosts is not None and not (isinstance(hosts, list) and all(isinstance(host, str) for host in hosts)):
        found.append(Problem("/hosts", "must be a list of hosts"))
    if given.get("action", "warn") not in ("warn", "deny"):
        found.append(Problem("/action", "must be one of warn, deny"))
    return found


class Plugin(wit_world.exports.Plugin):
    def describe(self) -> Description:
        schema = {"type": "object", "properties": PROPERTIES, "additionalProperties": False}
        summary = "Warns of a release that does not say where its source is."
        return Description("stated-repository", "0.1.0", summary, json.dumps(schema))

    def configure(self, text: str) -> None:
        given = json.loads(text)
        found = problems(given)
        if found:
            # The contract's `result`: what is raised as `Err` is its error.
            raise Err(found)
        settings.update(given)


def host_of(address: str) -> Optional[str]:
    """`git.example.org` of `https://git.example.org/acme/web`; none where it is no address of the web."""
    scheme, separator, rest = address.partition("://")
    host = rest.split("/", 1)[0].split("@")[-1].split(":", 1)[0].lower()
    return host if separator and scheme in ("https", "http") and host else None


def finding(item: Item) -> Optional[str]:
    """What is to be said against a release; none where there is nothing."""
    stated = dict(item.release.claims).get("repository")
    if stated is None:
        return "does not say where its source is"
    host = host_of(stated)
    if host is None:
        return f'says that its source is at "{stated}", which is no address'
    if settings["hosts"] is not None and host not in settings["hosts"]:
        return f"has its source at {host}, which is not on the list of hosts"
    return None


def review(job: Job, item: Item) -> Verdict:
    found = finding(item)
    if found is None or item.installed == item.release.version:
        return Verdict_Abstain()
    hint = "add `repository` to package.toml" if job.task == Task.PUBLISH else "ask its publisher"
    reasons = [Reason("repository", f"{item.release.name} {item.release.version} {found}", hint)]
    return Verdict_Deny(reasons) if settings["action"] == "deny" else Verdict_Warn(reasons)


class Verification(wit_world.exports.Verification):
    def review_plan(self, job: Job, plan: list[Item]) -> list[Verdict]:
        return [review(job, item) for item in plan]
