"""Starts a program whose login address is fixed, with that address replaced by a sandbox's.

`redirected.py URL PROGRAM ARGUMENTS…` runs with the Python of the program's environment. Nothing
else of the program is changed: the org's address comes with the token.
"""

import sys
from importlib.metadata import entry_points

import requests

LOGIN = "https://login.salesforce.com"


def main() -> None:
    """Replace the address, and start the program."""
    url, program, *arguments = sys.argv[1:]
    send = requests.adapters.HTTPAdapter.send

    def redirected(
        adapter: requests.adapters.HTTPAdapter, request: requests.PreparedRequest, **options: object
    ) -> requests.Response:
        if request.url and request.url.startswith(LOGIN):
            request.url = url + request.url[len(LOGIN) :]
        return send(adapter, request, **options)  # type: ignore[arg-type]

    requests.adapters.HTTPAdapter.send = redirected  # type: ignore[method-assign, assignment]
    (start,) = entry_points(group="console_scripts", name=program)
    sys.argv = [program, *arguments]
    start.load()()


if __name__ == "__main__":
    main()
