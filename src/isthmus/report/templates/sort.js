document.querySelectorAll("table.sortable").forEach(function (table) {
  var body = table.tBodies[0];
  Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending";
      Array.from(table.tHead.rows[0].cells).forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      var rows = Array.from(body.rows).map(function (row) {
        var cell = row.cells[column], value = cell.dataset.v;
        return { row: row, value: value === undefined ? cell.textContent.trim() : value === "last" ? NaN : Number(value) };
      });
      rows.sort(function (a, b) {
        if (Number.isNaN(a.value) || Number.isNaN(b.value)) return Number.isNaN(a.value) - Number.isNaN(b.value);
        var order = typeof a.value === "number" ? a.value - b.value || 0
          : a.value.localeCompare(b.value, undefined, { numeric: true });
        return down ? -order : order;
      });
      rows.forEach(function (each) { body.appendChild(each.row); });
    });
  });
});
