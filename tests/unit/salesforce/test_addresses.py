"""Links are followed to the letter, and nowhere but to the org's own host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.errors import SettingsError, UntrustedLinkError
from tap_sfbulk_pages.salesforce.addresses import HostAddress, locator_of

HOME = HostAddress("https://acme.my.salesforce.com")
LOCAL = HostAddress("http://127.0.0.1:8765")


@pytest.mark.parametrize(
    ("link", "absolute"),
    [
        (
            "/jobs/query/750x/results?locator=a",
            "/services/data/v62.0/jobs/query/750x/results?locator=a",
        ),
        ("/services/data/v60.0/jobs/query/750x", "/services/data/v60.0/jobs/query/750x"),
        ("/services/data/", "/services/data/"),
        ("///evil.example/x", "/services/data/v62.0///evil.example/x"),
        ("/jobs?a=%2F%3D&b=&a=//x@y", "/services/data/v62.0/jobs?a=%2F%3D&b=&a=//x@y"),
    ],
)
def test_relative_links(link: str, absolute: str) -> None:
    assert HOME.resolve(link, api_version="62.0") == HOME.origin + absolute


@pytest.mark.parametrize(
    "link",
    [
        "https://acme.my.salesforce.com/services/data/v62.0/jobs?locator=a%3D",
        "https://acme.my.salesforce.com:443/x",
        "https://ACME.my.salesforce.com/x",
        "HTTPS://acme.my.salesforce.com/x",
        "https://acme.my.salesforce.com?x=@evil.example",
    ],
)
def test_absolute_links_home(link: str) -> None:
    assert HOME.resolve(link, api_version="62.0") == link


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/services/data/v62.0",
        "https://acme.my.salesforce.com.evil.example/x",
        "https://evilacme.my.salesforce.com/x",
        "https://other.my.salesforce.com/x",
        "http://acme.my.salesforce.com/x",
        "https://acme.my.salesforce.com:8443/x",
        "https://acme.my.salesforce.com:80/x",
        "https://acme.my.salesforce.com@evil.example/x",
        "https://acme.my.salesforce.com:443@evil.example/x",
        "https://user@acme.my.salesforce.com/x",
        "https://user:password@acme.my.salesforce.com/x",
        "https://@acme.my.salesforce.com/x",
        "https://evil.example\\@acme.my.salesforce.com/x",
        "https://acme.my.salesforce.com\\.evil.example/x",
        "https://acme.my.salesforce.com\\@evil.example/x",
        "https://acme.my.salesforce.com/\\evil.example/x",
        "//evil.example/services/data/v62.0",
        "//acme.my.salesforce.com/x",
        "\\\\evil.example\\x",
        "https:evil.example/x",
        "https:/evil.example/x",
        "https:///evil.example/x",
        "ftp://acme.my.salesforce.com/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "evil.example/x",
        "@evil.example/x",
        ":443/x",
        "jobs/query",
        "?locator=a",
        "",
        " https://evil.example/x",
        "\thttps://evil.example/x",
        "http\ns://evil.example/x",
        "https://[::1/x",
        "https://acme.my.salesforce.com:port/x",
        "https://acme.my.salesforce.com:99999/x",
        "https://acme.my.salesforce.com\u3002evil.example/x",
        "https://\uff41cme.my.salesforce.com/x",
    ],
)
def test_links_elsewhere_are_refused(link: str) -> None:
    with pytest.raises(UntrustedLinkError):
        HOME.resolve(link, api_version="62.0")


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1/x",
        "http://127.0.0.1:8766/x",
        "http://localhost:8765/x",
        "https://127.0.0.1:8765/x",
    ],
)
def test_ports_and_names_of_a_local_host_differ_too(link: str) -> None:
    assert LOCAL.resolve("http://127.0.0.1:8765/x", api_version="62.0") == "http://127.0.0.1:8765/x"
    with pytest.raises(UntrustedLinkError):
        LOCAL.resolve(link, api_version="62.0")


_PARTS = st.sampled_from(
    ["https:", "http:", "/", "//", "\\", "@", ":", "acme.my.salesforce.com", "evil.example", "?",
     "#", "a", "services/data/", ".", "..", "%2F", " ", "\t", "\n", "443", "[", "]"]
)  # fmt: skip


@given(st.lists(_PARTS, max_size=9).map("".join) | st.text(max_size=20))
def test_any_link_leads_home_or_is_refused(link: str) -> None:
    try:
        url = HOME.resolve(link, api_version="62.0")
    except UntrustedLinkError:
        return
    authority = url.partition("//")[2]
    for end in "/?#":
        authority = authority.partition(end)[0]
    assert url.lower().startswith("https://")
    assert authority.lower() in {
        "acme.my.salesforce.com",
        "acme.my.salesforce.com:443",
        "acme.my.salesforce.com:",
    }


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        (" https://Acme.my.salesforce.com/ ", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com/services/data", "https://acme.my.salesforce.com"),
        ("http://[::1]:8765", "http://[::1]:8765"),
        ("https://acme.my.salesforce.com:8443", "https://acme.my.salesforce.com:8443"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_addresses(url: str, origin: str) -> None:
    assert HostAddress.parse(url, setting="instance_url").origin == origin


@pytest.mark.parametrize(
    "url",
    [
        "acme.my.salesforce.com",
        "http://acme.my.salesforce.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "ftp://acme.my.salesforce.com",
        "https://user@acme.my.salesforce.com",
        "https://user:s3cr3t@acme.my.salesforce.com",
        "https://",
        "https:///x",
        "https://acme:port",
        "https://[x",
        "",
        "https://evil.example\\.my.salesforce.com",
        "https://acme.my.salesforce.com\\@evil.example",
        "https://acme.my.salesforce.com\\evil.example",
        "https://acme.my.salesforce.com/\\evil.example",
        "https:\\\\acme.my.salesforce.com",
        "https://acme%2emy.salesforce.com",
        "https://acme.my.salesforce.com\u3002evil.example",
        "https://acme,evil.example",
        "https://-acme.my.salesforce.com",
    ],
)
def test_wrong_addresses_name_the_setting_and_no_password(url: str) -> None:
    with pytest.raises(SettingsError) as error:
        HostAddress.parse(url, setting="instance_url")
    assert "instance_url" in str(error.value)
    assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize(
    ("link", "locator"),
    [
        ("/jobs/query/750x/results?locator=MTAwMDA", "MTAwMDA"),
        ("https://a/b?maxRecords=5&locator=a%3D%2B", "a=+"),
        ("/jobs/query/750x/results", "/jobs/query/750x/results"),
        ("/results?locator=", "/results?locator="),
        ("http://[x?locator=a", "http://[x?locator=a"),
    ],
)
def test_locators(link: str, locator: str) -> None:
    assert locator_of(link) == locator


@pytest.mark.parametrize(
    "link",
    [
        "/services/data/v62.0/a b",
        "/services/data/v62.0/a\r\nHost: evil.example",
        "/services/data/v62.0/a\tb",
        "/services/data/v62.0/a\x7fb",
        " /services/data/v62.0/a",
        "/jobs/query/750/results\n",
    ],
)
def test_links_with_blanks_or_control_characters_are_refused(link: str) -> None:
    home = HostAddress("https://acme.my.salesforce.com")
    with pytest.raises(UntrustedLinkError, match="not an address"):
        home.resolve(link, api_version="62.0")
