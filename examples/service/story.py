"""A customer's story over HTTP, with nothing but Python's own library.

    python examples/service/story.py http://127.0.0.1:8080 anna-1.jpg anna-2.jpg

The operator and the data protection officer have accounts already (`countenance person add`); their passwords are
read from the variables OPERATOR_PASSWORD and OFFICER_PASSWORD.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PURPOSE = "event-photos"


class Client:
    """Asks one service, with one token."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self.base, self.token = base, token

    def login(self, name: str, password: str) -> Client:
        """A session of an account."""
        session = self.ask("POST", "/sessions", {"name": name, "password": password})
        return Client(self.base, session["secret"])

    def ask(self, method: str, path: str, body: Any = None, *, files: list[tuple[str, Path]] | None = None) -> Any:
        """One request. A problem is printed with its code and remedy, and ends the program."""
        headers = {}
        data = None
        if files is not None:
            boundary = uuid.uuid4().hex
            headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
            data = b"".join(
                f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '.encode()
                + f'filename="{file.name}"\r\n\r\n'.encode()
                + file.read_bytes() + b"\r\n"
                for name, file in files
            ) + f"--{boundary}--\r\n".encode()  # fmt: skip
        elif body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex  # send the same one again when an answer is lost
        try:
            with urlopen(Request(f"{self.base}/v1{path}", data, headers, method=method), timeout=60) as answer:
                told = answer.read()
                return json.loads(told) if told else None
        except HTTPError as error:
            problem = json.load(error)
            sys.exit(f"{problem['code']}: {problem['detail']} {problem.get('remedy', '')}")


def main() -> None:
    """From registration to a release, and to being forgotten."""
    service, enrolled, probe = Client(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    operator = service.login("operator", os.environ["OPERATOR_PASSWORD"])
    officer = service.login("officer", os.environ["OFFICER_PASSWORD"])
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()

    customer = operator.ask("POST", "/customers", {
        "name": "Harbour Police", "class": "police", "jurisdiction": "GB", "legal_basis": "law_enforcement",
        "purposes": [PURPOSE],
    })["customer"]  # fmt: skip
    people = {}
    for name, role in (
        ("enroller", "enroller"), ("investigator", "investigator"), ("authoriser", "authoriser"),
        ("first reviewer", "reviewer"), ("second reviewer", "reviewer"),
    ):  # fmt: skip
        password = uuid.uuid4().hex
        account = {"name": f"{name} of the harbour", "password": password, "roles": [role], "customer": customer}
        person = operator.ask("POST", "/people", account)["person"]
        if role == "reviewer":
            officer.ask("PUT", f"/people/{person}/competence", {"until": until})
        people[name] = service.login(account["name"], password)

    enroller, investigator = people["enroller"], people["investigator"]
    enroller.ask("POST", "/compartments", {"name": "lobby"})
    anna = enroller.ask("POST", "/compartments/lobby/permissions", {
        "subject": "anna", "purposes": [PURPOSE], "residence": "GB", "until": until[:10],
    })["id"]  # fmt: skip
    items = enroller.ask("POST", f"/compartments/lobby/subjects/{anna}/images", files=[("images", enrolled)])[
        "items"
    ]
    print("enrolled:", [item["outcome"] for item in items])

    case = investigator.ask("POST", "/cases", {
        "purpose": PURPOSE, "legal_basis": "law_enforcement", "reference": "2027/117",
        "subject_matter": "a robbery at the old harbour", "expires": until, "quota": 5,
    })["case"]  # fmt: skip
    people["authoriser"].ask("POST", f"/cases/{case}/authorisation")
    made = investigator.ask("POST", f"/cases/{case}/searches", files=[("image", probe)])
    print("searched:", made["faces"], "face; whom it found is for two reviewers first")
    for name in ("first reviewer", "second reviewer"):
        while (review := people[name].ask("POST", "/reviews/next")["review"]) is not None:
            # A person would look at …/probe and …/candidate here.
            people[name].ask("PUT", f"/reviews/{review['review']}/answer", {"answer": "same"})
    released = investigator.ask("POST", f"/cases/{case}/releases")["items"]
    print("released:", [one["subject"] for one in released])

    # The operator has checked who she is, and gives her an account of her own.
    password = uuid.uuid4().hex
    operator.ask("POST", "/people/subjects", {
        "name": "anna@example.org", "password": password,
        "subject": "anna", "customer": customer, "compartment": "lobby",
    })  # fmt: skip
    herself = service.login("anna@example.org", password)
    for line in herself.ask("GET", "/own/ledger")["items"]:
        print("her ledger:", line["customer"], line["purpose"], line["what"])

    gone = herself.ask("DELETE", "/own")
    print("forgotten:", gone["destroyed"])
    print("released now:", investigator.ask("POST", f"/cases/{case}/releases")["items"])


if __name__ == "__main__":
    main()
