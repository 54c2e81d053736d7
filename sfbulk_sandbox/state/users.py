"""The user that every session is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.tables import Table


@dataclass(frozen=True)
class User:
    """The user that every session is of: the first record of the object User."""

    id: str
    organization_id: str
    username: str
    name: str
    first_name: str | None
    last_name: str
    email: str
    time_zone: str
    locale: str


def find_user(users: Table, organizations: Table, username: str | None) -> User:
    """Return the user that every session is of; an org without users has one all the same."""
    if not len(organizations):
        organizations.add({"Id": organizations.new_id(), "Name": "Acme"})
    if not len(users):
        return User(
            id=users.new_id(),
            organization_id=str(organizations.column("Id")[0]),
            username=username or "integration@example.com",
            name="Integration User",
            first_name="Integration",
            last_name="User",
            email="integration@example.com",
            time_zone="GMT",
            locale="en_US",
        )
    user_id = str(users.column("Id")[0])
    if username is not None:
        users.change(user_id, {"Username": username})

    def cell(field: str) -> str:
        return users.cell(user_id, field) or ""

    return User(
        id=user_id,
        organization_id=str(organizations.column("Id")[0]),
        username=cell("Username"),
        name=cell("Name"),
        first_name=cell("FirstName") or None,
        last_name=cell("LastName"),
        email=cell("Email"),
        time_zone=cell("TimeZoneSidKey"),
        locale=cell("LocaleSidKey"),
    )
