// What is long is fetched when it is unfolded, from the page that its link leads to. Without this script the link is there.
function saidInstead(page, answer) {
  const words = page.querySelector("main p")?.textContent;
  return answer.redirected ? "You are not logged in any longer. Load this page again." : words || `Refused (${answer.status}).`;
}

async function unfold(details) {
  if (!details.open || details.dataset.state) return;
  const link = details.querySelector("a[data-part]");
  const place = link.parentElement;
  details.dataset.state = "asked";
  place.append(Object.assign(document.createElement("span"), { className: "note", role: "status", textContent: " Looking …" }));
  const status = place.lastElementChild;
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = answer.ok && !answer.redirected && page.getElementById(link.dataset.part);
    if (part) {
      part.removeAttribute("id");
      place.replaceWith(part);
      details.dataset.state = "there";
      return;
    }
    status.textContent = ` ${saidInstead(page, answer)}`;
  } catch {
    status.textContent = " Airflow did not answer. Fold it and unfold it to ask again.";
  }
  delete details.dataset.state;
  details.addEventListener("toggle", () => status.remove(), { once: true });
}

// `toggle` does not bubble, but can be caught on its way down: what is put into the page later is heard as well.
document.addEventListener("toggle", (event) => event.target.matches("details:has(a[data-part])") && unfold(event.target), true);
