// Saves the library's forms in place. Without this script they are plain forms.
"use strict";

(() => {
  const root = (element) => element.closest("[data-notifyaudit]");
  const part = (owner, name) => owner.querySelector(`[data-notifyaudit-${name}]`);

  function say(owner, text, failed) {
    const status = part(owner, "status");
    status.classList.toggle("notifyaudit-failure", failed);
    // Emptied first: a live region that gets the same text again is not read again.
    status.textContent = "";
    requestAnimationFrame(() => { status.textContent = text; });
  }

  // Focus goes back to where it was; if that is gone, to the nearest thing that stands for it.
  function refocus(owner, id, sectionId) {
    const invalid = owner.querySelector("[aria-invalid=true]");
    const same = id && document.getElementById(id);
    const heading = sectionId && document.querySelector(`#${CSS.escape(sectionId)} h2`);
    const candidates = [invalid, same, owner.querySelector("summary"), heading, part(owner, "status")];
    const place = candidates.find((each) => each && each.getClientRects().length);
    if (!place) return;
    if (!place.matches("a, button, input, select, summary, [tabindex]")) place.tabIndex = -1;
    place.focus({ preventScroll: place !== invalid });
  }

  async function send(form, submitter, owner) {
    const body = part(owner, "body");
    const focused = document.activeElement;
    const section = (submitter || focused).closest("section[id]");
    const data = new FormData(form);
    // Which button was pressed; older browsers do not put it there by themselves.
    if (submitter && submitter.name) data.append(submitter.name, submitter.value);
    body.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(form.action, {
        method: "POST",
        body: data,
        headers: { "X-Requested-With": "XMLHttpRequest" },
        credentials: "same-origin",
      });
      const answer = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(owner.id);
      if (!answer) {
        // To the page on which one signs in, if that is where it led.
        if (response.redirected) return location.assign(location.href);
        throw new Error(response.status);
      }
      body.replaceChildren(...part(answer, "body").childNodes);
      const status = part(answer, "status");
      say(owner, status.textContent.trim(), status.classList.contains("notifyaudit-failure"));
      suggestZone(owner);
      refocus(owner, focused.id || (submitter && submitter.id), section && section.id);
    } catch {
      say(owner, owner.dataset.notifyauditFailed, true);
    } finally {
      body.removeAttribute("aria-busy");
    }
  }

  function suggestZone(owner) {
    const button = part(owner, "zone");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!button || !zone) return;
    const select = document.getElementById(button.dataset.notifyauditZone);
    if ((select.value || button.dataset.notifyauditUsual) === zone || ![...select.options].some((option) => option.value === zone)) return;
    button.querySelector("span").textContent = zone.replaceAll("_", " ");
    button.hidden = false;
    button.addEventListener("click", () => {
      select.value = zone;
      button.hidden = true;
      select.focus();
    });
  }

  document.addEventListener("submit", (event) => {
    const owner = root(event.target);
    if (!owner) return;
    event.preventDefault();
    if (part(owner, "body").getAttribute("aria-busy") !== "true") send(event.target, event.submitter, owner);
  });

  // A menu closes by Escape, and when one turns to something else.
  const menus = () => document.querySelectorAll(".notifyaudit-watch details[open]");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    }
  });
  for (const type of ["click", "focusin"]) {
    document.addEventListener(type, (event) => {
      for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
    });
  }

  // One that would leave the screen opens to the other side.
  document.addEventListener("toggle", (event) => {
    const menu = event.target.open && event.target.querySelector(".notifyaudit-watch-menu");
    if (!menu) return;
    const box = menu.getBoundingClientRect();
    menu.classList.toggle("notifyaudit-watch-end", box.right > document.documentElement.clientWidth || box.left < 0);
  }, true);

  for (const owner of document.querySelectorAll("[data-notifyaudit]")) suggestZone(owner);
})();
