"""The claims of a report: what was found, in words, and a table with one number for each claim."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.studies.framework.result import Claim, Verdict
from captum_rectgrad.studies.report.markdown import capital, stacked, table
from captum_rectgrad.studies.report.rounded_numbers import decimals_of, fixed, interval_text

NO_CLAIMS = "The paper makes no claim that this study can judge."
# Verdicts in the order of the texts, with their words for one claim and for several.
VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    "holds": ("holds", "hold"),
    "undecided": ("is undecided", "are undecided"),
    "does not hold": ("does not hold", "do not hold"),
}
_NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
# "0.95 (0.93 to 0.98)" and "0.2 lower than Saliency's (95 % interval 0.1 to 0.3)".
_ESTIMATE = re.compile(
    rf"({_NUMBER})(?:( \w+) than .*?)? "
    rf"\((?:95 % interval )?(?:({_NUMBER}) to ({_NUMBER})|no interval)\)"
)
_EXACT = re.compile(rf": ({_NUMBER})(?=[;,.]|$)")


@dataclass(frozen=True)
class Finding:
    """The claims of one text that have one verdict.

    Attributes:
        text: the text, with the settings if other settings have another verdict.
        claims: the claims.
    """

    text: str
    claims: Sequence[Claim]

    @property
    def verdict(self) -> Verdict:
        """The verdict on all claims."""
        return self.claims[0].verdict

    @property
    def source(self) -> str:
        """The places of the claims in the papers, without their settings."""
        return "; ".join(dict.fromkeys(_place(claim) for claim in self.claims))


def findings(claims: Sequence[Claim]) -> list[Finding]:
    """Claims in different settings that have one text and one verdict, put together.

    Args:
        claims: in order.

    Returns:
        By verdict, "holds" first.
    """
    found = []
    for verdict in VERDICTS:
        judged = [claim for claim in claims if claim.verdict == verdict]
        for text in dict.fromkeys(claim.text for claim in judged):
            same = [claim for claim in judged if claim.text == text]
            total = sum(claim.text == text for claim in claims)
            found.append(Finding(text + _settings(same, total), same))
    return found


def _settings(claims: Sequence[Claim], total: int) -> str:
    """The settings of claims among all claims with their text, in brackets."""
    if len(claims) == total:
        return f" ({total} settings)" if total > 1 else ""
    if len(claims) == 1:
        return f" ({_setting(claims[0])})"
    return f" ({len(claims)} of {total} settings)"


def found_text(claims: Sequence[Claim]) -> str:
    """What was found, in words: the numbers of the verdicts, and the claims by verdict.

    Args:
        claims: in order.

    Returns:
        Markdown.
    """
    if not claims:
        return NO_CLAIMS
    lines = []
    for verdict in VERDICTS:
        texts = [found.text for found in findings(claims) if found.verdict == verdict]
        if texts:
            lines += [f"- **{capital(verdict)}**", *(f"    - {text}" for text in texts)]
    return f"{counted(claims)}\n\n" + "\n".join(lines)


def counted(claims: Sequence[Claim]) -> str:
    """The numbers of verdicts in a sentence, such as "Of 6 claims, 4 hold and 2 do not hold."."""
    numbers = Counter(claim.verdict for claim in claims)
    said = [
        f"{numbers[verdict]} {words[numbers[verdict] > 1]}"
        for verdict, words in VERDICTS.items()
        if numbers[verdict]
    ]
    if len(claims) == 1:
        return f"The claim {VERDICTS[claims[0].verdict][0]}."
    if len(said) == 1:
        return f"All {len(claims)} claims {VERDICTS[claims[0].verdict][1]}."
    return f"Of {len(claims)} claims, {', '.join(said[:-1])} and {said[-1]}."


def claims_table(claims: Sequence[Claim]) -> str:
    """Claims with their verdicts and one number; the reasons are folded.

    Args:
        claims: in order.

    Returns:
        A table in Markdown, by verdict; a sentence if there are no claims.
    """
    if not claims:
        return NO_CLAIMS
    rows = [
        [
            found.text,
            f"**{found.verdict}**",
            f"<details><summary>{number(found.claims[0])}</summary>{_reasons(found)}</details>",
            found.source,
        ]
        for found in findings(claims)
    ]
    return table(["claim", "verdict", "number", "source"], rows)


def _reasons(found: Finding) -> str:
    """The reasons of the verdict, by setting if there are several."""
    if len(found.claims) == 1:
        return found.claims[0].because
    return "<br>".join(f"<b>{_setting(claim)}</b>: {claim.because}" for claim in found.claims)


def _place(claim: Claim) -> str:
    """The source of a claim without its setting."""
    return claim.source.partition("; ")[0]


def _setting(claim: Claim) -> str:
    return claim.source.partition("; ")[2] or claim.source


def number(claim: Claim) -> str:
    """The first number of the reason of a verdict, rounded, with its interval.

    Args:
        claim: the claim.

    Returns:
        Markdown, with the interval in a line of its own; "in words" if the reason has no number.
    """
    found = _ESTIMATE.search(claim.because)
    if found is None:
        exact = _EXACT.search(claim.because)
        return exact[1] if exact else "in words"
    value, word, low, high = found.groups("")
    if not low:
        return f"{value}{word}"
    estimate = Estimate(float(value), float(low), float(high), 1)
    decimals = decimals_of([estimate])
    return stacked(f"{fixed(estimate.value, decimals)}{word}", interval_text(estimate, decimals))
