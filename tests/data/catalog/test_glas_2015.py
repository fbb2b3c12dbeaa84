"""GlaS 2015: patients from the table of grades."""

from __future__ import annotations

from pathlib import Path

from .layouts import MASK, RGB, glas, put, read, refusal


def test_glas_patients(tmp_path: Path) -> None:
    glas(tmp_path)
    dataset = read("glas-2015", tmp_path)
    assert {case.id: case.group for case in dataset.cases} == {
        "testA_1": "patient-9",
        "testB_1": "patient-7",
        "train_1": "patient-7",
        "train_2": "patient-7",
        "train_10": "patient-8",
    }
    put(tmp_path / "train_2_anno.png", MASK)
    put(tmp_path / "train_2.png", RGB)
    assert "the same name as" in refusal("glas-2015", tmp_path)
    put(tmp_path / "Warwick QU Dataset (Released 2016_07_08)" / "Grade.csv", "a,b\n")
    (tmp_path / "train_2.png").unlink()
    (tmp_path / "train_2_anno.png").unlink()
    assert "no columns 'name' and 'patient ID'" in refusal("glas-2015", tmp_path)


def test_glas_same_name_in_one_folder(tmp_path: Path) -> None:
    glas(tmp_path)
    put(tmp_path / "Warwick QU Dataset (Released 2016_07_08)" / "train_1.png", RGB)
    assert "train_1.png: has the same name as train_1.bmp" in refusal("glas-2015", tmp_path)


def test_a_damaged_table_of_grades_is_one_line(tmp_path: Path) -> None:
    glas(tmp_path)
    grades = tmp_path / "Warwick QU Dataset (Released 2016_07_08)" / "Grade.csv"
    put(grades, "name,patient ID\ntrain_1," + "7" * 200_000 + "\n")
    assert "Grade.csv, line 2: not valid CSV" in refusal("glas-2015", tmp_path)
    grades.write_bytes(b"name,patient ID\ntrain_1,\xff\n")
    assert "Grade.csv: not text in UTF-8" in refusal("glas-2015", tmp_path)
