// Brings a tree to be as a fresh one says, and leaves alone what a person made of it: what is unfolded, typed, focused,
// scrolled. Nodes that are the same before and after stay the same nodes.
const LABELLED = "section, details, article, .card";

// By what an element is known among its neighbours: its own name, or what it is headed; counts in that may change.
function keyOf(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return "";
  const own = node.id || node.dataset.key;
  if (own) return own;
  const head = node.matches(LABELLED) && node.querySelector("h2, h3, summary");
  return head ? `${node.localName}:${head.textContent.replace(/[\d,]+/g, "").trim()}` : "";
}

function isChanged(field) {
  if (field.type === "hidden" || !field.willValidate) return false;
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  if (!field.matches("select")) return field.defaultValue !== undefined && field.value !== field.defaultValue;
  const usual = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(usual, 0);
}

// A person is at it: a field has the focus, or has another value than it came with, or it was sent.
export function isInUse(form) {
  const focused = document.activeElement;
  const typing = form.contains(focused) && focused.matches("input, select, textarea");
  return typing || form.ariaBusy === "true" || [...form.elements].some(isChanged);
}

// What scripts or people have put there. `data-state`: what is unfolded was fetched.
function isKept(old) {
  return old.matches("[data-state], [data-keep], form [role=status]") || (old.matches("form") && isInUse(old));
}

function takeAttributes(old, fresh) {
  const own = new Set(["open", ...(old.matches("[data-refresh]") ? ["disabled", "data-asking"] : [])]);
  for (const { name } of [...old.attributes]) if (!own.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (!own.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
  } else if (old.localName === "svg") {
    old.replaceWith(fresh);
  } else if (!isKept(old)) {
    takeAttributes(old, fresh);
    morphChildren(old, fresh);
  }
}

// The one that becomes what is wanted: by its key, else the next of its kind that has none.
function matching(wanted, known, place) {
  const key = keyOf(wanted);
  let same = key ? known.get(key) : place;
  while (same && !key && (keyOf(same) || same.nodeName !== wanted.nodeName)) same = same.nextSibling;
  known.delete(key);
  return same?.nodeName === wanted.nodeName ? same : null;
}

export function morphChildren(old, fresh) {
  const known = new Map();
  for (const child of old.childNodes) if (keyOf(child) && !known.has(keyOf(child))) known.set(keyOf(child), child);
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const same = matching(wanted, known, place);
    if (!same) {
      old.insertBefore(wanted, place);
    } else {
      if (same === place) place = place.nextSibling;
      else old.insertBefore(same, place);
      morph(same, wanted);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}
