// One button needs a script: a baseline is refreshed by the workflow of that name, through Airflow's public API.
document.querySelectorAll("[data-refresh]").forEach((button) => {
  button.addEventListener("click", async () => {
    const answer = await fetch(new URL("../api/v2/dags/baseline_refresh/dagRuns", document.baseURI.replace(/\/pegel\/.*/, "/pegel/")), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ logical_date: null, conf: { models: [button.dataset.refresh] } }),
    });
    document.getElementById("refreshed").textContent = answer.ok
      ? "Asked. The workflow baseline_refresh is under way."
      : `Refused (${answer.status}); see the workflow baseline_refresh.`;
  });
});
