"""The sandbox is a package of its own, `sfbulk_sandbox`; `server` is kept here for one release."""
