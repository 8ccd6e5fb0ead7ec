"""`scripts/telemetry.sh prices`: takes the unit prices from AWS's public price list into `prices.json`.

It needs the internet, and no credentials. Prices without an `offer` stay as they are. What the list says in another
form than expected stops it before anything is written: a price that is wrong is worse than one that is old.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api-fetching-price-list-files-manually.html
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tools.command_line import CommandError, OneLineParser, run_to_its_end
from tools.cost.prices import FILE, Price, PriceBook, RegionalPrice, Tier, amount, load, text
from tools.environment.commands import called
from tools.progress import step

LIST = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/{offer}/current/{region}/index.json"
TIMEOUT_SECONDS = 120
# What stands before a usage type; us-east-1, the oldest region, has none in most offers.
PREFIXES = {
    "us-east-1": ("", "USE1-", "us-east-1-"),
    "eu-central-1": ("EUC1-", "eu-central-1-"),
}
# The price list's own name for no end.
ENDLESS = "Inf"

Offer = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Refresh the file; return the exit code: 0, 1 where it can't be done, 2 for wrong arguments."""
    parser().parse_args(arguments)
    return run_to_its_end("telemetry.sh prices", _refresh)


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    return OneLineParser(
        prog=called("prices"),
        description="Take the unit prices from AWS's public price list into tools/cost/prices.json.",
    )


def _refresh() -> int:
    book = load()
    offers = {(price.offer, region): None for price in book.prices.values() if price.offer for region in price.regions}
    found: dict[tuple[str, str], Offer] = {}
    for offer, region in offers:
        with step(f"{offer} of {region}"):
            found[offer, region] = _download(offer, region)
    changed = refreshed(book, found)
    before = {name: price.regions for name, price in book.prices.items()}
    for name, price in changed.prices.items():
        for region, regional in price.regions.items():
            if regional.tiers != before[name][region].tiers:
                print(f"{name} in {region}: {_told(before[name][region])} is now {_told(regional)}")
    FILE.write_text(text(as_json(changed)))
    by_hand = sorted(name for name, price in book.prices.items() if not price.offer)
    print(f"written; look these up by hand: {', '.join(by_hand)}; then run scripts/telemetry.sh document cost")
    return 0


def refreshed(book: PriceBook, offers: Mapping[tuple[str, str], Offer]) -> PriceBook:
    """Return the book with the prices of these offers.

    Args:
        book: as it was.
        offers: the price list's file of each service and region.

    Raises:
        CommandError: a price is not in the list, or not in the form that is expected.
    """
    prices = {
        name: price.model_copy(
            update={
                "regions": {
                    region: _regional(name, price, region, offers[price.offer, region]) if price.offer else regional
                    for region, regional in price.regions.items()
                }
            }
        )
        for name, price in book.prices.items()
    }
    return book.model_copy(update={"prices": prices})


def as_json(book: PriceBook) -> dict[str, Any]:
    """Return the book as the file has it, amounts as text, since 0.0000009 is not to become 9e-07."""
    whole = book.model_dump(mode="json", by_alias=True)
    for price in whole["prices"].values():
        for regional in price["regions"].values():
            for tier in regional["tiers"]:
                tier["usd"] = amount(tier["usd"])
    return _with_integers(whole)


def _with_integers(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with 5 in place of 5.0."""
    match value:
        case dict():
            return {name: _with_integers(each) for name, each in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case list():
            return [_with_integers(each) for each in value]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _regional(name: str, price: Price, region: str, offer: Offer) -> RegionalPrice:
    where = f"{price.offer} of {region}"
    wanted = {f"{prefix}{usage_type}" for prefix in PREFIXES[region] for usage_type in price.usage_types}
    products = [
        sku
        for sku, product in offer["products"].items()
        if product["attributes"].get("usagetype") in wanted and _fits(product, price.attributes)
    ]
    found = {_tiers(offer["terms"]["OnDemand"][sku], where) for sku in products if sku in offer["terms"]["OnDemand"]}
    # Some are in the list twice, e.g. with and without the region before the usage type: at one price that is as well.
    if len(found) != 1:
        raise CommandError(
            f"the price list, {where}, has {len(found) or 'no'} price{'s' if found else ''} for {name} "
            f"({', '.join(sorted(wanted))}): nothing was written; correct its usageTypes or attributes in "
            "tools/cost/prices.json"
        )
    return RegionalPrice(
        known="read",
        source=LIST.format(offer=price.offer, region=region),
        date=offer["publicationDate"][:10],
        tiers=found.pop(),
    )


def _fits(product: Mapping[str, Any], attributes: Mapping[str, str]) -> bool:
    said = {**product["attributes"], "productFamily": product.get("productFamily")}
    return all(said.get(name) == value for name, value in attributes.items())


def _tiers(terms: Mapping[str, Any], where: str) -> tuple[Tier, ...]:
    """Return the tiers of a product, those that are free for everybody priced as the next: they are not counted on."""
    dimensions: Sequence[Mapping[str, Any]] = [
        each for term in terms.values() for each in term["priceDimensions"].values()
    ]
    steps = sorted(
        (float(each["beginRange"]), each["endRange"], float(each["pricePerUnit"]["USD"])) for each in dimensions
    )
    ends = [end for _, end, _ in steps]
    if not steps or ends[-1] != ENDLESS or [float(end) for end in ends[:-1]] != [begin for begin, _, _ in steps[1:]]:
        raise CommandError(f"the price list, {where}, has tiers that do not join: nothing was written")
    charged = [(begin, usd) for begin, _, usd in steps if usd] or [(0.0, 0.0)]
    return tuple(Tier(above=begin if at else 0, usd=usd) for at, (begin, usd) in enumerate(charged))


def _told(regional: RegionalPrice) -> str:
    return ", ".join(amount(tier.usd) for tier in regional.tiers)


def _download(offer: str, region: str) -> Offer:
    url = LIST.format(offer=offer, region=region)
    try:
        answer = httpx.get(url, timeout=TIMEOUT_SECONDS, follow_redirects=True)
        answer.raise_for_status()
        return answer.json()
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        told = str(error).partition("\n")[0]
        raise CommandError(f"{url} could not be read, nothing was written: {told}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
