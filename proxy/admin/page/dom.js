// Small helpers for the document. Data from the proxy is written as text and
// attributes, never as markup: ids and keys are untrusted.

export const at = (id) => document.getElementById(id);

// make('td', {class: 'number'}, 'text or nodes', ...)
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children);
  return node;
}

// Writes only changes: most of the page is the same from one poll to the next.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function set(node, attribute, value) {
  if (value === null) node.removeAttribute(attribute);
  else if (node.getAttribute(attribute) !== value) node.setAttribute(attribute, value);
}

// An id, an address, a key: isolated from the text around it (bidi).
export const word = (text, kind = "id") => make("bdi", { class: kind }, text);

export function swatch(colour) {
  const node = make("span", { class: "swatch", "aria-hidden": "true" });
  paint(node, colour);
  return node;
}

export function paint(node, colour) {
  if (node.style.getPropertyValue("--server") !== colour) {
    node.style.setProperty("--server", colour);
  }
}

// Terms and their descriptions, rewritten in place. A row is [term, text, title].
export function describe(list, rows) {
  while (list.children.length > rows.length) list.lastElementChild.remove();
  rows.forEach(([term, text, options = {}], index) => {
    if (index === list.children.length) {
      list.append(make("div", {}, make("dt"), make("dd", {}, make("bdi"))));
    }
    const row = list.children[index];
    set(row, "class", options.class ?? "");
    write(row.firstElementChild, term);
    write(row.lastElementChild.firstElementChild, text);
    set(row.lastElementChild, "title", options.title ?? null);
  });
}
