// What the layout uses although a client does not render it, or only in part, and why its mails are fine there.
// A feature that stands here is allowed in all clients. Where only some values do no harm, `only` says which.
// What no mail uses any more must go: the check says so.

const LENGTHS = /^(auto|\d+(px)?)( (auto|\d+(px)?)){0,3}$/;

export const allowed = {
    // Dark mode and phones: without these the mail is light, and its margins are those of a desk.
    "@media": { why: "no colour contrast and no width depends on it" },
    "color-scheme meta tag": { why: "tells Apple Mail that the mail has dark colours of its own" },
    "color-scheme CSS property": { why: "likewise", only: /^light dark$/ },
    "!important keyword": { why: "only in @media, in lower case and behind a space, against inlined styles" },

    // <style>: every rule that an element needs is inlined; the rest is @media.
    "<style> element": { why: "only for @media" },
    "Class selector": { why: "likewise" },
    "Descendant combinator": { why: "likewise" },
    "Type selector": { why: "likewise" },

    // The preheader.
    "display:none": { why: "where it is shown, the preheader is a true line on top of the mail" },
    "display": { why: "where it is ignored, the padding of the button's cell does", only: /^(none|inline-block)$/ },

    // The frame.
    "<body> element": { why: "its ground is that of the outer table as well" },
    "max-width": { why: "Outlook for Windows has a table of that width, in conditional comments" },
    "border-radius": { why: "corners are square" },
    "role attribute": { why: "only Windows Mail, which ended in 2024, takes it away" },
    "dir attribute": { why: "stands on <html>, <div>, <table> and <span>, never on <a>; texts are aligned beside" },
    "align attribute": { why: "of cells, not of tables" },
    "width attribute": { why: "of tables, in per cent or beside nothing that must match" },
    "height attribute": { why: "of images, in pixels; the layout asks Outlook for 96 of them an inch" },
    "width property": { why: "of tables and cells" },

    // Texts and spaces.
    "<ul>, <ol> and <dl>": { why: "without reversed, and without numbers of their own" },
    "background": { why: "of it only colours", only: /^#[0-9a-f]{6}$/ },
    "border": { why: "on cells, and thinner than 8 pixels", only: /^[0-3]px solid #[0-9a-f]{6}$/ },
    "font-size": { why: "in pixels", only: /^\d+px$/ },
    "font-weight": { why: "400 and 600, which Outlook makes normal and bold", only: /^(400|600)$/ },
    "line-height": { why: "Outlook's lines are a little farther apart", only: /^\d(\.\d+)?$|^1px$/ },
    "margin": { why: "none is negative, and where auto is ignored, the outer cell centres", only: LENGTHS },
    "padding": { why: "on cells; the button's link has that of its cell in Outlook", only: LENGTHS },
    "text-align": { why: "the sides are named, not their flow", only: /^(left|right|center)$/ },
    "text-decoration": { why: "one value", only: /^none$/ },
    "word-break": { why: "only words that are longer than a line are broken, or none", only: /^break-word$/ },
};
