"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const root = document.documentElement;
  const form = document.getElementById("filter");
  const found = document.getElementById("found");
  const cases = all(".case").map((element) => ({
    element,
    status: element.dataset.s,
    profile: element.dataset.p,
    topic: element.dataset.t,
    words: (element.matches("details") ? element.querySelector("summary") : element).textContent.toLowerCase(),
  }));

  // Light and dark: as the system has it, until somebody says otherwise.
  const theme = document.getElementById("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const remembered = (value) => {
    try { // a page from a file may have no storage
      if (value) localStorage.setItem("causerie-theme", value);
      return localStorage.getItem("causerie-theme");
    } catch { return value; }
  };
  const isDark = () => (root.style.colorScheme || (prefersDark.matches ? "dark" : "light")) === "dark";
  const name = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  root.style.colorScheme = remembered() || "";
  name();
  prefersDark.addEventListener("change", name);
  theme.addEventListener("click", () => {
    root.style.colorScheme = isDark() ? "light" : "dark";
    remembered(root.style.colorScheme);
    name();
  });
  theme.hidden = false;

  // The filter. Its state stands in the address, so that it can be handed on: #status=failed&topic=lobby&q=text
  const apply = () => {
    const data = new FormData(form);
    const statuses = data.getAll("status");
    const profile = data.get("profile"), topic = data.get("topic");
    const words = data.get("q").toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const each of cases) {
      const shown = (!statuses.length || statuses.includes(each.status)) && (!profile || each.profile === profile)
        && (!topic || each.topic === topic) && words.every((word) => each.words.includes(word));
      each.element.hidden = !shown;
      count += shown;
    }
    const narrow = Boolean(words.length || topic);
    for (const group of all(".group, section.cases")) {
      const inside = all(".case", group), left = inside.filter((element) => !element.hidden).length;
      group.hidden = !left;
      const number = group.querySelector(".n");
      number.textContent = (left === inside.length ? "" : `${left.toLocaleString("en")} of `)
        + inside.length.toLocaleString("en");
      if (group.matches("details")) group.open = narrow && left > 0;
    }
    for (const card of all(".profiles li")) card.classList.toggle("chosen", card.dataset.profile === profile);
    found.textContent = `${count.toLocaleString("en")} of ${cases.length.toLocaleString("en")} cases`;
    document.getElementById("none").hidden = count > 0;
  };
  const remember = () => {
    const state = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", String(state) ? `#${state}` : location.pathname + location.search);
  };
  const decoded = (text) => { try { return decodeURIComponent(text); } catch { return ""; } };
  const recall = () => {
    const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const field of form.elements) {
      if (field.type === "checkbox") field.checked = state.getAll("status").includes(field.value);
      else if (field.name) field.value = state.get(field.name) || "";
    }
    apply();
    const aim = location.hash.includes("=") ? null : document.getElementById(decoded(location.hash.slice(1)));
    for (let each = aim; each; each = each.parentElement) if (each.matches("details")) each.open = true;
    aim?.scrollIntoView();
  };
  const change = () => { apply(); remember(); };
  const reset = () => {
    for (const field of form.elements) if (field.type === "checkbox") field.checked = false; else if (field.name) field.value = "";
    change();
  };
  form.addEventListener("input", change);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); reset(); });
  document.querySelector("[data-reset]").addEventListener("click", reset);
  addEventListener("hashchange", recall);
  for (const card of all(".profiles li")) {
    const button = document.createElement("button"); // without this script a name is a name
    button.type = "button";
    button.append(...card.querySelector(".name").childNodes);
    button.title = `Only cases of ${card.dataset.profile}`;
    card.querySelector(".name").append(button);
    button.addEventListener("click", () => {
      form.elements.profile.value = form.elements.profile.value === card.dataset.profile ? "" : card.dataset.profile;
      change();
    });
  }
  addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      form.elements.q.focus();
      form.elements.q.select();
    } else if (event.key === "Escape" && event.target === form.elements.q) {
      form.elements.q.value = "";
      change();
    }
  });

  // Folds
  const fold = document.getElementById("fold");
  const failures = all("details.failure");
  fold.hidden = !failures.length;
  const visible = () => failures.filter((each) => !each.hidden);
  fold.addEventListener("click", () => {
    const open = visible().some((each) => !each.open);
    for (const each of visible()) each.open = open;
    fold.textContent = open ? "Fold all" : "Unfold all";
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = visible().filter((each) => !each.open);
    for (const each of opened) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of opened) each.open = false; });

  // Commands can be copied
  for (const command of all(".cmd")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.className = "copy";
    button.addEventListener("click", async () => {
      const words = command.textContent;
      try {
        await navigator.clipboard.writeText(words);
        button.textContent = "Copied";
      } catch { // not allowed here: the next best is to have it selected
        getSelection().selectAllChildren(command);
      }
    });
    command.after(button);
  }

  form.hidden = false;
  recall();
})();
