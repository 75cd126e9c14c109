// Counts while somebody types: asks the page for its own preview, as the button "Xem thử" does.
// Without this file everything works by that button.
(() => {
  const form = document.getElementById("editor");
  const shown = ["tinh-trang", "tren-may-hinh"];
  let timer, asked = 0;

  async function look() {
    const turn = ++asked;
    const answer = await fetch(form.dataset.look, { method: "POST", body: new FormData(form) });
    if (!answer.ok || turn !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of shown) {
      const fresh = page.getElementById(id);
      if (fresh) document.getElementById(id).replaceChildren(...fresh.childNodes);
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 350);
  });
})();
