#!/usr/bin/env python3
"""Derives prices.json, the built-in price table, from litellm's list of prices.

    python3 derive.py DATE LITELLM_VERSION model_prices_and_context_window_backup.json > prices.json

The list is the file litellm/model_prices_and_context_window_backup.json of litellm's wheel (MIT
licence). Its prices are USD per token, ours USD per million tokens. To check the table that is
here, get the list of the version and hash that `sources` names and compare the output.

Kept: OpenAI's chat and responses models with a price for text tokens, by the tiers that a single
request can ask for. Left out:

- the tiers `batches` and `decisions`, which no agent uses for its turns;
- models that are billed for audio, of which a token count alone does not tell the price;
- fine-tuned models (`ft:`), whose names are patterns;
- the dearer price of caches that are kept for over 12 hours: usage does not tell them apart;
- snapshots (`<name>-YYYY-MM-DD`) with the prices of `<name>`: the crate finds those by itself.

Aliases are names of Azure's (`azure/<name>`) with the prices of `<name>`. Others that resell models
(`openai/<name>` is what several call them) or run them in a region (`us.openai.<name>`) have prices
of their own.
"""

import hashlib
import json
import re
import sys

TIERS = {"standard": "", "flex": "_flex", "priority": "_priority", "ultrafast": "_ultrafast"}
KINDS = {
    "input": "input_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "output": "output_cost_per_token",
}

# Shut down and gone from the list, still in the transcripts of its time.
GONE = {"codex-mini-latest": {"standard": {"input": 1.5, "cached_input": 0.375, "output": 6}}}
GONE_SOURCE = "OpenAI's page of the model (codex-mini-latest only)"


def rates(entry, suffix):
    """The prices whose fields end in `suffix`, in USD per million tokens."""
    found = {}
    for kind, field in KINDS.items():
        per_token = entry.get(field + suffix)
        if per_token is not None:
            price = round(per_token * 1e6, 6)
            found[kind] = int(price) if price == int(price) else price
    return found if "input" in found and "output" in found else None


def tier(entry, suffix):
    """The prices of a tier, with those of its long requests."""
    prices = rates(entry, suffix)
    for field in entry:
        above = re.fullmatch(rf"input_cost_per_token_above_(\d+)k_tokens{suffix}", field)
        if prices and above:
            long_prices = rates(entry, f"_above_{above[1]}k_tokens{suffix}")
            prices["long_context"] = {"above_tokens": int(above[1]) * 1000, **long_prices}
    return prices


def is_kept(name, entry):
    return (
        entry.get("litellm_provider") == "openai"
        and entry.get("mode") in ("chat", "responses")
        and not name.startswith("ft:")
        and not any("audio_token" in field for field in entry)
    )


def models(listed):
    found = dict(GONE)
    for name, entry in listed.items():
        if is_kept(name, entry):
            tiers = {key: tier(entry, suffix) for key, suffix in TIERS.items()}
            if tiers["standard"]:
                found[name] = {key: prices for key, prices in tiers.items() if prices}
    base = {name: re.sub(r"-\d{4}-\d{2}-\d{2}$", "", name) for name in found}
    return {
        name: tiers
        for name, tiers in sorted(found.items())
        if base[name] == name or found.get(base[name]) != tiers
    }


def aliases(listed, ours):
    """What Azure sells by a model's name at the model's prices, in every tier that it sells."""
    found = {}
    for name, entry in listed.items():
        base = name.removeprefix("azure/")
        if entry.get("litellm_provider") == "azure" and name != base and base in ours:
            tiers = {key: tier(entry, suffix) for key, suffix in TIERS.items()}
            tiers = {key: prices for key, prices in tiers.items() if prices}
            if "standard" in tiers and tiers.items() <= ours[base].items():
                found[name] = base
    return dict(sorted(found.items()))


def main():
    date, version, path = sys.argv[1:]
    raw = open(path, "rb").read()
    digest = hashlib.sha256(raw).hexdigest()
    sources = [
        f"litellm {version} (MIT), model_prices_and_context_window_backup.json, sha256 {digest}",
        GONE_SOURCE,
    ]
    # One line per tier, so that a change of prices reads well as a diff.
    print(f'{{\n"version": {json.dumps(date)},')
    print(f'"sources": {json.dumps(sources, indent=0)},\n"models": {{')
    blocks = []
    listed = json.loads(raw)
    ours = models(listed)
    for name, tiers in ours.items():
        lines = [f"  {json.dumps(key)}: {json.dumps(prices)}" for key, prices in tiers.items()]
        blocks.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    print(",\n".join(blocks) + "\n},")
    print(f'"aliases": {json.dumps(aliases(listed, ours), indent=0)}\n}}')


main()
