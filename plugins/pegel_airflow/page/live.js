// A page that is live asks for itself each half minute and changes where something changed. What it cannot know it does
// not pretend: then it says of when it is, and why. A tab that nobody sees asks for nothing, and a page whose form is
// being filled waits.
import { isInUse, morphChildren } from "./morph.js";

const EVERY = 30_000;
const PATIENCE = 20_000;

function say(id, words) {
  const place = document.getElementById(id);
  if (place.textContent !== words) place.textContent = words;
}

function asOf() {
  return `${document.getElementById("now").textContent.slice(11, 16)} UTC`;
}

function waitsFor(live) {
  if ([...live.querySelectorAll("form[method=post]")].some(isInUse)) return "not refreshed while a form is filled in";
  const marked = getSelection();
  const inside = marked && !marked.isCollapsed && live.contains(marked.anchorNode);
  return inside ? "not refreshed while text is marked" : "";
}

async function freshPage() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.redirected) throw new Error("you are not logged in any longer; load the page again");
  const fresh = page.querySelector("main[data-live]");
  // A page of an address that is partly of no use says so itself, and is as fresh as any.
  if (fresh) return [page, fresh];
  throw new Error(page.querySelector("main p")?.textContent || `Airflow answered ${answer.status}`);
}

// What a person who does not see the page is told: how something is that was not so before.
function told(live) {
  return [...live.querySelectorAll(".state, article.call h2")].map((element) => element.textContent.trim());
}

function put(live, page, fresh) {
  const [focused, before] = [document.activeElement, new Set(told(live))];
  morphChildren(live, fresh);
  // What was moved among its neighbours has lost the focus by that.
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  document.dispatchEvent(new Event("refreshed"));
  document.getElementById("now").textContent = page.getElementById("now").textContent;
  const news = told(live).filter((words) => !before.has(words));
  say("stale", "");
  if (news.length) say("news", `At ${asOf()}: ${news[0]}${news.length > 1 ? ` and ${news.length - 1} more changes` : ""}`);
}

function startLive(live) {
  let [asking, askedAt] = [false, Date.now()];

  async function lookAgain() {
    if (document.hidden || asking) return;
    const why = waitsFor(live);
    if (why) {
      say("stale", `As of ${asOf()}: ${why}.`);
      return;
    }
    asking = true;
    askedAt = Date.now();
    try {
      const [page, fresh] = await freshPage();
      // A form may have been begun while the answer travelled; the next one is put in place then.
      if (!waitsFor(live)) put(live, page, fresh);
    } catch (error) {
      const gone = error instanceof TypeError || error.name === "TimeoutError";
      say("stale", `As of ${asOf()}: ${gone ? "Airflow does not answer" : error.message.replace(/\.$/, "")}.`);
    } finally {
      asking = false;
    }
  }

  setInterval(lookAgain, EVERY);
  document.addEventListener("visibilitychange", () => Date.now() - askedAt >= EVERY && lookAgain());
}

const live = document.querySelector("main[data-live]");
if (live) startLive(live);
