// Says of each mail what Gmail, Outlook or Apple Mail do not render, by the tests of caniemail.com, save what
// allowed.mjs lists. Reads {name: html} as JSON, and writes {name: [problems]}; "allowed" are those of the list.

import { readFileSync } from "node:fs";
import { caniemail, parseCss } from "caniemail";
import { allowed } from "./allowed.mjs";

const CLIENTS = ["gmail.*", "outlook.*", "apple-mail.*"];
const used = new Set();

function* rulesOf(css) {
    // The package looks at no rule inside of an at-rule.
    for (const rule of parseCss(css).stylesheet.rules) yield* flattened(rule);
}

function* flattened(rule) {
    if (rule.type === "rule") yield rule;
    for (const inner of rule.rules ?? []) yield* flattened(inner);
}

function text({ selectors, declarations }) {
    const own = declarations.filter(({ type }) => type === "declaration");
    // It does not know a value that is important, either; so each stands there twice.
    const lines = own.map(({ property, value }) => `${property}: ${value}; ${property}: ${plain(value)};`);
    return `${selectors.join(",")} {${lines.join(" ")}}`;
}

function plain(value) {
    return value.replace(/\s*!important$/, "");
}

function* unsupported(found) {
    for (const kind of ["errors", "warnings"]) {
        for (const [client, issues] of found.issues[kind]) {
            for (const { title, notes } of [issues].flat()) yield { title, client, notes };
        }
    }
}

function problemsOf(html) {
    const styles = [...html.matchAll(/<style[^>]*>([^]*?)<\/style>/gi)].map(([, css]) => css);
    const attributes = [...html.matchAll(/\sstyle="([^"]*)"/gi)].map(([, css]) => `x {${css}}`);
    const rules = styles.flatMap((css) => [...rulesOf(css)]);

    const missing = new Map();
    for (const found of [{ html }, ...rules.map((rule) => ({ css: text(rule) }))]) {
        for (const { title, client, notes } of unsupported(caniemail({ clients: CLIENTS, ...found }))) {
            if (title in allowed) used.add(title);
            else {
                const known = missing.get(title) ?? { clients: new Set(), notes: new Set() };
                known.clients.add(client);
                for (const note of notes) known.notes.add(note);
                missing.set(title, known);
            }
        }
    }
    const problems = [...missing].map(([title, { clients, notes }]) =>
        [`${title}: not in ${[...clients].sort().join(", ")}.`, ...notes].join(" "));

    const declarations = [...rules, ...attributes.flatMap((css) => [...rulesOf(css)])]
        .flatMap((rule) => rule.declarations.filter(({ type }) => type === "declaration"));
    for (const { property, value } of declarations) {
        const feature = [property, property.replace(/-(top|right|bottom|left)$/, ""), `${property} CSS property`]
            .find((name) => allowed[name]?.only);
        if (feature && !allowed[feature].only.test(plain(value))) {
            problems.push(`${property}: ${plain(value)}: not allowed.`);
        }
    }
    return [...new Set(problems)].sort();
}

const mails = JSON.parse(readFileSync(0, "utf8"));
const result = Object.fromEntries(Object.entries(mails).map(([name, html]) => [name, problemsOf(html)]));
result.allowed = Object.keys(allowed).filter((title) => !used.has(title)).map((title) => `${title}: no mail uses it.`);
console.log(JSON.stringify(result, undefined, 1));
