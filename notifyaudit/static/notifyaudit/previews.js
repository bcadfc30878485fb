// Shows what is chosen without a new page, so that one keeps one's place. Without this script the choices are plain links.
"use strict";

(() => {
  const owner = document.querySelector("[data-notifyaudit-preview]");
  if (!owner) return;
  const parts = (node) => new Map([...node.querySelectorAll("[data-notifyaudit-part]")].map((part) => [part.dataset.notifyauditPart, part]));
  let newest = 0;

  function frameOf(part) {
    return part && part.querySelector("iframe");
  }

  // The same mail in another window is not loaded again: it would flicker.
  function replace(part, answer) {
    const [frame, wanted] = [frameOf(part), frameOf(answer)];
    if (frame && wanted && frame.getAttribute("src") === wanted.getAttribute("src")) frame.className = wanted.className;
    else part.replaceChildren(...answer.childNodes);
  }

  async function show(url, { remember = true } = {}) {
    const asked = ++newest;
    const focused = document.activeElement && document.activeElement.id;
    owner.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(url, { credentials: "same-origin" });
      const text = await response.text();
      if (asked !== newest) return;
      const answer = new DOMParser().parseFromString(text, "text/html").querySelector("[data-notifyaudit-preview]");
      const [here, there] = [parts(owner), answer ? parts(answer) : new Map()];
      // Signed out, or a mail that cannot be shown where one was: a page of its own.
      if (!response.ok || here.size !== there.size) return location.assign(url);
      for (const [name, part] of here) replace(part, there.get(name));
      if (remember) history.pushState(null, "", url);
      const place = focused && document.getElementById(focused);
      if (place) place.focus({ preventScroll: true });
    } catch {
      location.assign(url);
    } finally {
      if (asked === newest) owner.removeAttribute("aria-busy");
    }
  }

  owner.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-notifyaudit-option]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(link.href);
  });

  const urlOf = (form) => `${location.pathname}?${new URLSearchParams(new FormData(form))}`;

  owner.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-notifyaudit-about]")) return;
    event.preventDefault();
    show(urlOf(event.target));
  });

  window.addEventListener("popstate", () => show(location.href, { remember: false }));
})();
