"""The tables of a report: one for each measure, methods as rows, settings as columns."""

import math

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.studies.framework.result import Cell, Row
from captum_rectgrad.studies.report.measure_tables import OPEN_MEASURES, keys, measure_tables


def about(value: float) -> Estimate:
    return Estimate(value, value - 0.01, value + 0.01, 9)


def row(method: str, final: str, **measures: Cell) -> Row:
    return {"final threshold": final, "method": method, **measures}


ROWS = [
    row("RectGrad", "none", share=about(0.2), seed="x"),
    row("Saliency", "none", share=about(0.4), seed="x"),
    row("RectGrad", "95th percentile", share=about(0.3), seed="x"),
    row("Saliency", "95th percentile", share=about(0.1), seed="x"),
]


def test_methods_are_rows_and_settings_are_columns() -> None:
    lines = measure_tables(ROWS, {}).splitlines()
    assert [line.replace("<br><small>", " ").replace("</small>", "") for line in lines] == [
        "### Share",
        "",
        "| method | no final threshold | 95th percentile |",
        "|---|---:|---:|",
        "| RectGrad | 0.200 0.190 to 0.210 | 0.300 0.290 to 0.310 |",
        "| Saliency | 0.400 0.390 to 0.410 | 0.100 0.090 to 0.110 |",
    ]


def test_the_best_of_a_column_is_bold_only_where_a_direction_is_declared() -> None:
    assert "**" not in measure_tables(ROWS, {"another": "lower"})
    lines = measure_tables(ROWS, {"share": "lower"}).splitlines()
    assert [line.count("**0.200**") for line in lines] == [0, 0, 0, 0, 1, 0]
    assert [line.count("**0.100**") for line in lines] == [0, 0, 0, 0, 0, 1]
    assert "**0.400**" in measure_tables(ROWS, {"share": "higher"})
    # Random pixels are a reference, not a method that could be the best one.
    random = [
        row("Random", final, share=about(0), seed="x") for final in ("none", "95th percentile")
    ]
    assert "**0.200**" in measure_tables([*ROWS, *random], {"share": "lower"})
    assert "**0.000**" not in measure_tables([*ROWS, *random], {"share": "lower"})


def test_the_method_names_the_rows_of_a_run_with_one_method() -> None:
    assert keys(ROWS[::2]) == ("method", ["final threshold"])
    assert keys(ROWS[:1]) == ("method", ["final threshold"])


def test_a_value_that_is_not_defined_is_no_cell() -> None:
    missing = row("Random", "none", share=Estimate(math.nan, math.nan, math.nan, 0), seed="x")
    assert "Random" not in measure_tables([*ROWS, missing], {})
    half = row("Random", "95th percentile", share=about(0.5), seed="x")
    assert "| Random | - | 0.500<br>" in measure_tables([*ROWS, missing, half], {})


def test_measures_after_the_first_ones_are_folded() -> None:
    rows = [
        row(method, final, **{f"m{number}": about(number) for number in range(OPEN_MEASURES + 1)})
        for method in ("RectGrad", "Saliency")
        for final in ("a", "b")
    ]
    text = measure_tables(rows, {})
    assert text.count("### M") == OPEN_MEASURES
    assert "<summary>M4</summary>" in text


def test_a_table_of_many_settings_is_split_at_the_first_key() -> None:
    rows: list[Row] = [
        {"random": random, "method": "RectGrad", "layer": f"conv{layer}", "similarity": about(0.5)}
        for random in ("all", "one")
        for layer in range(3)
    ]
    lines = measure_tables(rows, {}).splitlines()
    assert [line for line in lines if line.startswith("**")] == ["**All**", "**One**"]
    assert lines.count("| method | conv0 | conv1 | conv2 |") == 2


def test_a_table_of_more_settings_than_methods_is_turned() -> None:
    rows: list[Row] = [
        {"method": "RectGrad", "q": str(q), "similarity": about(q / 10)} for q in range(8)
    ]
    rows.append({"method": "Saliency", "q": "", "similarity": about(0.9)})
    lines = measure_tables(rows, {}).splitlines()
    assert lines[2] == "| q | RectGrad | Saliency |"
    assert lines[4].startswith("| 0 | 0.000<br>")
    assert lines[-1] == "| any | - | 0.900<br><small>0.890 to 0.910</small> |"


def test_measures_without_settings_are_columns_grouped_by_their_first_words() -> None:
    names = (
        "likeness with a",
        "likeness with b",
        "share",
        "likeness with c",
        "size x",
        "size y",
        "e",
    )
    rows: list[Row] = [
        {"threshold": q, **{name: about(0.5) for name in names}} for q in ("q = 0", "q = 20")
    ]
    lines = [
        line for line in measure_tables(rows, {}).splitlines() if line.startswith(("#", "| t"))
    ]
    assert lines == [
        "| threshold | share | e |",
        "### Likeness with …",
        "| threshold | a | b | c |",
        "### Size …",
        "| threshold | x | y |",
    ]


def test_a_method_without_settings_has_its_value_in_all_of_them() -> None:
    def ranked(method: str, maps: str, value: float) -> Row:
        return {"method": method, "maps": maps, "score": about(value)}

    rows = [
        ranked("Saliency", "signed", 0.5),
        ranked("Saliency", "absolute", 0.6),
        ranked("RectGrad", "", 0.4),
    ]
    lines = measure_tables(rows, {}).splitlines()
    assert lines[2] == "| method | signed | absolute |"
    assert lines[-1].count("0.400<br>") == 2
