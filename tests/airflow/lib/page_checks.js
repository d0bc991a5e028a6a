// What a person needs of a page, asked of the page itself: [what it scrolls sideways by, texts too narrow, cut off, too
// small or without their head to be read, texts too faint to read, controls without a name].
() => {
  const isSeen = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  const say = (element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class")}: ${element.textContent.trim().slice(0, 40)}`;
  const seen = [...document.querySelectorAll("body *")].filter(isSeen);

  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;

  // A word of ten letters has to fit into whatever holds more than a few words.
  const narrow = seen
    .filter((element) => ["TD", "TH", "P", "LI", "DD"].includes(element.tagName) && element.textContent.trim().length > 30)
    .filter((element) => element.getBoundingClientRect().width < 90)
    .map(say);

  // Nobody knows that there is more of a row than the screen shows.
  const right = document.documentElement.clientWidth;
  const cut = seen
    .filter((element) => ["TD", "TH", "LI", "DD"].includes(element.tagName))
    .filter((element) => {
      const box = element.getBoundingClientRect();
      const end = element.closest(".scroll")?.getBoundingClientRect().right ?? right;
      return box.left < 0 || box.right > Math.min(end, right) + 1;
    })
    .map((element) => `cut ${say(element)}`);
  const headless = [...document.querySelectorAll(".scroll > table")]
    .flatMap((table) => [...table.rows].map((row) => [table.querySelectorAll(":scope > * > tr > th"), row]))
    .flatMap(([heads, row]) => [...row.cells].map((cell, at) => [cell, heads[at]?.textContent.trim()]))
    .filter(([cell, head]) => cell.tagName === "TD" && cell.colSpan === 1 && cell.dataset.label !== head)
    .map(([cell, head]) => `not labelled ${head} ${say(cell)}`);
  // A cell says its head exactly where the row of heads is not there to do so.
  const saidTwice = seen
    .filter((element) => element.matches("td[data-label]"))
    .filter((cell) => isSeen(cell.closest("table").querySelector("tr:has(th)")) !== (getComputedStyle(cell, "::before").content === "none"))
    .map((cell) => `head said twice or never ${say(cell)}`);
  const inPictures = seen
    .filter((element) => element.tagName === "text" && element.textContent.trim())
    .map((element) => [element, element.getBoundingClientRect(), element.closest("svg").getBoundingClientRect()]);
  const small = inPictures
    .filter(([element]) => parseFloat(getComputedStyle(element).fontSize) * element.getScreenCTM().a < 9)
    .map(([element]) => `small ${say(element)}`);
  const outside = inPictures
    .filter(([, box, picture]) => box.left < picture.left - 1 || box.right > picture.right + 1)
    .map(([element]) => `outside its picture ${say(element)}`);

  const numbers = (color) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const light = (color) => {
    const [red, green, blue] = color.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [brighter, darker] = [light(one), light(other)].sort((a, b) => b - a);
    return (brighter + 0.05) / (darker + 0.05);
  };
  const faint = seen
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((element) => !element.closest("svg") && !element.disabled)
    .map((element) => [element, contrast(numbers(getComputedStyle(element).color), behind(element))])
    .filter(([element, ratio]) => ratio < (parseFloat(getComputedStyle(element).fontSize) >= 24 ? 3 : 4.5))
    .map(([element, ratio]) => `${ratio.toFixed(1)} ${say(element)}`);

  const name = (element) =>
    element.ariaLabel || element.labels?.[0]?.textContent || element.textContent || element.querySelector("title")?.textContent || "";
  const nameless = seen
    .filter((element) => element.matches("a, button, select, summary, [role=img], input:not([type=hidden])"))
    .filter((element) => !name(element).trim())
    .map((element) => element.outerHTML.slice(0, 80));

  return [wide, [...narrow, ...cut, ...headless, ...saidTwice, ...small, ...outside], faint, nameless];
}
