// No press is lost in silence: whatever was pressed says at once that it is under way, and in the end what became of it.
function statusOf(form) {
  return form.querySelector("[role=status]");
}

// Forms work without this script. With it, one says that it was sent, and a second press while it travels does nothing.
document.querySelectorAll("form[method=post]").forEach((form) => {
  form.addEventListener("submit", (event) => {
    if (form.ariaBusy === "true") {
      event.preventDefault();
      return;
    }
    form.ariaBusy = "true";
    statusOf(form).textContent = "Sent, waiting for the answer …";
    // Who stops the browser from waiting stays on this page, and nothing tells a script so.
    setTimeout(() => {
      form.ariaBusy = null;
      statusOf(form).textContent = "No answer yet. Load this page again to see whether it was done; pressing again is safe.";
    }, 20_000);
  });
});

// Who comes back to this page by the browser's button finds its forms ready again.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.querySelectorAll("form[method=post]").forEach((form) => {
    form.ariaBusy = null;
    statusOf(form).textContent = "";
  });
});

// One button needs this script, so it is disabled until here: a baseline is refreshed by the workflow of that name,
// through Airflow's public API.
async function askForRefresh(model) {
  const address = new URL("../api/v2/dags/baseline_refresh/dagRuns", document.baseURI.replace(/\/pegel\/.*/, "/pegel/"));
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ logical_date: null, conf: { models: [model] } }),
    });
    return answer.ok
      ? "Asked. The workflow baseline_refresh is under way."
      : `Refused (${answer.status}); see the workflow baseline_refresh.`;
  } catch {
    return "Airflow did not answer. Whether it was asked shows in the workflow baseline_refresh.";
  }
}

document.querySelectorAll("[data-refresh]").forEach((button) => {
  button.disabled = false;
  button.addEventListener("click", async () => {
    const status = statusOf(button.form);
    button.disabled = true;
    status.textContent = "Asking …";
    status.textContent = await askForRefresh(button.dataset.refresh);
    button.disabled = false;
  });
});

// What is live is put in place of what was there each half minute, without a flicker: only where something changed, and
// never under the hands of a person. A tab that nobody sees asks for nothing.
const EVERY = 30_000;

function isInUse(live) {
  const marked = getSelection();
  return live.contains(document.activeElement) || (marked && !marked.isCollapsed && live.contains(marked.anchorNode));
}

async function lookAgain(live) {
  if (document.hidden || isInUse(live)) return;
  let answer;
  try {
    answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  } catch {
    return;
  }
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("live");
  if (!fresh || isInUse(live)) return;
  document.getElementById("now").textContent = page.getElementById("now").textContent;
  if (fresh.innerHTML !== live.innerHTML) live.replaceChildren(...fresh.childNodes);
}

const live = document.getElementById("live");
if (live) setInterval(() => lookAgain(live), EVERY);
