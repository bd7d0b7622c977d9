for (const box of document.querySelectorAll(".filter")) {
  const table = box.parentElement.querySelector("table");
  const rows = [...table.tBodies[0].rows].map((row) => ({
    row,
    text: row.textContent.toLowerCase(),
    level: row.cells[0].textContent.trim(),
  }));
  const [input, select, count] = [box.querySelector("input"), box.querySelector("select"), box.querySelector("output")];
  for (const level of new Set(rows.map((it) => it.level))) {
    select.append(new Option(level, level));
  }
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const it of rows) {
      const fits = (!select.value || it.level === select.value) && words.every((word) => it.text.includes(word));
      it.row.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown + " of " + rows.length + " rows";
  };
  input.addEventListener("input", apply);
  select.addEventListener("change", apply);
  box.hidden = false;
  apply();
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
