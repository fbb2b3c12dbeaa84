"""Objects told apart: isthmus beside other programs, on nuclei of the Data Science Bowl 2018."""
