// What a spec's text means is asked each time that nobody has typed for a moment; only the newest answer is shown.
const form = document.querySelector("form.spec");
const text = form.querySelector("textarea");
const said = form.querySelector("[role=status]");
const buttons = [...form.querySelectorAll("button")];
const QUIET_MS = 300;
let asked = 0;
let answers = null;
let waiting = null;

function show(answer) {
  const problems = document.getElementById("problems");
  problems.replaceChildren(...answer.problems.map(([words, line]) => problem(words, line)));
  text.ariaInvalid = answer.problems.length > 0;
  document.getElementById("changes").textContent = answer.changes.join("\n") || "-";
  const pairs = answer.outlook.flatMap(([about, words]) => [element("dt", about), element("dd", words)]);
  document.getElementById("outlook").replaceChildren(...pairs);
  answers = answer.answers && { ...answer.answers, changes_of: answer.changes_of };
  buttons.forEach((button) => { button.disabled = answers === null || !answer.is_changed; });
  said.textContent = answers === null
    ? "Not a spec yet: see below."
    : answer.is_changed ? "A valid spec." : "A valid spec, the one that is in force.";
}

function element(name, words) {
  const made = document.createElement(name);
  made.textContent = words;
  return made;
}

// What is wrong in a line leads to it.
function problem(words, line) {
  if (line === null) return element("li", words);
  const [item, lead] = [element("li", ""), element("button", `Line ${line}`)];
  lead.type = "button";
  lead.className = "lead";
  lead.addEventListener("click", () => leadTo(line));
  item.append(lead, ` ${words}`);
  return item;
}

function leadTo(line) {
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  const height = parseFloat(getComputedStyle(text).lineHeight);
  text.scrollTop = Math.max(0, (line - 3) * height);
  text.scrollIntoView({ block: "nearest" });
}

async function answerTo(body) {
  try {
    const answer = await fetch(`${form.dataset.root}/spec/check`, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(body),
    });
    return { status: answer.status, told: await answer.json() };
  } catch {
    return null;
  }
}

async function check() {
  const number = ++asked;
  if (!text.value.trim()) {
    document.getElementById("problems").replaceChildren();
    refused("Not a spec yet: the text is empty.");
    return;
  }
  const answer = await answerTo({ text: text.value });
  if (number !== asked) return;
  if (answer === null) refused("No answer. What is shown below may be of an earlier text.");
  else if (answer.status === 200) show(answer.told);
  else refused(`It could not be checked (${answer.status}): ${inWords(answer.told, "the text is too long")}`);
}

function inWords(told, otherwise) {
  return typeof told.detail === "string" ? told.detail : otherwise;
}

function refused(words) {
  answers = null;
  buttons.forEach((button) => { button.disabled = true; });
  said.textContent = words;
}

async function onboard(isDry) {
  const given = answers;
  buttons.forEach((button) => { button.disabled = true; });
  said.textContent = "Asking …";
  const address = new URL("../api/v2/dags/model_onboard/dagRuns", document.baseURI.replace(/\/pegel\/.*/, "/pegel/"));
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ logical_date: null, conf: { ...given, dry_run: isDry } }),
    });
    const told = await answer.json();
    if (!answer.ok) {
      said.textContent = `Refused (${answer.status}): ${inWords(told, "see the workflow model_onboard")}`;
      return;
    }
    const link = element("a", told.dag_run_id);
    link.href = new URL(`../dags/model_onboard/runs/${encodeURIComponent(told.dag_run_id)}`, address.href.replace(/\/api\/v2\/.*/, "/pegel/"));
    link.target = "_top";
    said.replaceChildren(isDry ? "Its plan will stand in the note of " : "Under way: ", link);
  } catch {
    said.textContent = "Airflow did not answer. Whether it was asked shows in the workflow model_onboard.";
  }
}

text.addEventListener("input", () => {
  answers = null;
  asked += 1;
  buttons.forEach((button) => { button.disabled = true; });
  clearTimeout(waiting);
  waiting = setTimeout(check, QUIET_MS);
});
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("force").addEventListener("click", () => onboard(false));
document.getElementById("dry").addEventListener("click", () => onboard(true));
check();
