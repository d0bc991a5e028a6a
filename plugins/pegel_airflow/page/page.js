// No press is lost in silence: whatever was pressed says at once that it is under way, and in the end what became of it.
function statusOf(form) {
  return form.querySelector("[role=status]");
}

// Forms work without this script. With it, one says that it was sent, and a second press while it travels does nothing.
// It is heard at the top: forms that come with a refresh of the page are heard as well.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[method=post]")) return;
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

function enable() {
  document.querySelectorAll("[data-refresh]:not([data-asking])").forEach((button) => {
    button.disabled = false;
  });
}

enable();
document.addEventListener("refreshed", enable);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-refresh]");
  if (!button) return;
  const status = statusOf(button.form);
  button.disabled = true;
  button.dataset.asking = "";
  status.textContent = "Asking …";
  status.textContent = await askForRefresh(button.dataset.refresh);
  delete button.dataset.asking;
  button.disabled = false;
});
