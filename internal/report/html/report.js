// Sorting by column and a filter of the servers. The page can be read without either.
"use strict";
(() => {
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // What a row is sorted by: the key of its cell, or else the cell's text.
  const keyOf = (row, column) => row.cells[column].dataset.k ?? row.cells[column].textContent.trim();

  const compare = (a, b) => {
    const difference = a - b;
    return Number.isNaN(difference) ? collator.compare(a, b) : difference;
  };

  const sort = (heads, column, body) => {
    const descending = heads[column].getAttribute("aria-sort") === "ascending";
    const rows = Array.from(body.rows, (row) => ({ row, key: keyOf(row, column) }));
    rows.sort((a, b) => {
      if (a.key === "" || b.key === "") {
        return (a.key === "") - (b.key === ""); // what is not known comes last
      }
      return descending ? compare(b.key, a.key) : compare(a.key, b.key);
    });
    body.append(...rows.map(({ row }) => row));
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(heads, column, table.tBodies[0]));
      head.append(button);
    });
  }

  const box = document.getElementById("filter");
  if (box) {
    const bodies = Array.from(document.querySelectorAll("tbody[data-filtered]"), (body) => {
      const environment = body.closest("section");
      const name = environment.querySelector("h3").textContent;
      return {
        table: body.parentElement,
        nothing: environment.querySelector(".nomatch"),
        rows: Array.from(body.rows, (row) => ({ row, text: (name + " " + row.textContent).toLowerCase() })),
      };
    });
    const filter = () => {
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let all = 0;
      let shown = 0;
      for (const { table, nothing, rows } of bodies) {
        let left = 0;
        for (const { row, text } of rows) {
          row.hidden = !words.every((word) => text.includes(word));
          left += row.hidden ? 0 : 1;
        }
        table.hidden = left === 0;
        nothing.hidden = left > 0;
        all += rows.length;
        shown += left;
      }
      document.getElementById("matches").textContent = words.length === 0 ? "" : `${shown} of ${all} shown`;
    };
    box.addEventListener("input", filter);
    filter(); // a browser may have kept the word over a reload
    document.getElementById("tools").hidden = false;
  }

  // A page that is printed shows everything that a reader can open, in browsers whose
  // style sheets cannot see to it.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
})();
