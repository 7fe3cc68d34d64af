"use strict";
(() => {
  const size = 10;
  const rows = [...document.querySelectorAll("#sample .row")];
  const texts = rows.map((row) => row.textContent.normalize("NFKC").toLowerCase());
  const tools = document.querySelector("#sample .tools");
  if (!tools) return;
  const search = tools.querySelector("input");
  const said = tools.querySelector("output");
  const [back, forth] = tools.querySelectorAll("button");
  let found = rows.map((_, index) => index);
  let page = 0;
  const show = () => {
    const first = page * size;
    const seen = new Set(found.slice(first, first + size));
    rows.forEach((row, index) => { row.hidden = !seen.has(index); });
    const last = Math.min(first + size, found.length);
    const of = found.length === rows.length ? `${rows.length}` : `${found.length} found`;
    said.textContent = found.length ? `${first + 1} to ${last} of ${of}` : "nothing found";
    back.disabled = page === 0;
    forth.disabled = last >= found.length;
  };
  const look = () => {
    const word = search.value.normalize("NFKC").toLowerCase().trim();
    found = rows.map((_, index) => index).filter((index) => texts[index].includes(word));
    page = 0;
    for (const index of found) {
      for (const fold of rows[index].querySelectorAll("details.fold")) {
        fold.open = word !== "" && fold.textContent.normalize("NFKC").toLowerCase().includes(word);
      }
    }
    show();
  };
  const turn = (by) => { page += by; show(); document.getElementById("sample").scrollIntoView(); };
  search.addEventListener("input", look);
  back.addEventListener("click", () => turn(-1));
  forth.addEventListener("click", () => turn(1));
  const asked = new URLSearchParams(location.hash.slice(1)).get("find");
  if (asked) search.value = asked;
  tools.hidden = false;
  look();
})();
