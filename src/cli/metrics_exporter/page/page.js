// Puts the newest page in the place of this one every 15 seconds, while somebody looks. Without scripts the browser loads it anew.
"use strict";
const stale = document.getElementById("stale");

async function refresh() {
  if (document.hidden || !getSelection().isCollapsed) return;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(12000) });
    // The style is here already, and another page's is not allowed.
    const text = (await answer.text()).replace(/<style[^]*?<\/style>/, "");
    const page = new DOMParser().parseFromString(text, "text/html");
    const now = page.getElementById("now");
    if (!now) throw new Error("another page");
    document.getElementById("now").replaceWith(now);
    document.title = page.title;
    document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
}

setInterval(refresh, 15000);
document.addEventListener("visibilitychange", refresh);
