"""The org that a state is of: the bookmarks and jobs of one org mean nothing in another.

Each stream's part of the state names the org by itself. Meltano merges states, and some targets
write on the state of one stream at a time: what stood in one place for all streams could then come
to stand beside the bookmark of another org.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.reading.state.keys import ORG

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, MutableMapping


def note_org(state: MutableMapping[str, Any], org_id: str | None) -> None:
    """Keep which org a stream's part of the state is of, where that is known."""
    if org_id is not None:
        state[ORG] = org_id


def saved_org(state: Mapping[str, Any]) -> Any:
    """Read which org a stream's part of the state is of; None where it does not say."""
    return state.get(ORG)


def find_foreign(
    states: Mapping[str, Mapping[str, Any]], org_id: str, *, read: Collection[str]
) -> dict[str, str]:
    """Find the parts of a state that must not be used with an org.

    What a merged state still holds of another org does no harm as long as those streams are not
    read, and others have been read from this org since.

    Args:
        states: By stream.
        org_id: The org that is read.
        read: The streams that are read.

    Returns:
        The org that each is of, by stream.
    """
    orgs = {name: saved_org(state) for name, state in states.items()}
    named = {name: org for name, org in orgs.items() if org is not None}
    foreign = {name: str(org) for name, org in named.items() if org != org_id}
    is_mixed = len(foreign) < len(named)
    if is_mixed and foreign.keys().isdisjoint(read):
        return {}
    return foreign
