/** How a report looks, in light and in dark. */
export const STYLE = `
:root { --back: #fff; --text: #1c2126; --soft: #66707a; --line: #dfe4e8; --ok: #5b9e77; --fail: #d99a2b; --info: #c23b4a;
  --band: #5361c926; --c0: #2f6fb5; --c1: #c0592b; --c2: #2d8a5f; --c3: #8a4fa3; --c4: #8a6d1f; --panel: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --back: #14181c; --text: #e4e8eb; --soft: #98a3ad; --line: #2d353c;
  --ok: #4f9a70; --fail: #dba63f; --info: #e05766; --band: #8a97ff2e; --c0: #6aa5e8; --c1: #e88a5a; --c2: #58c592; --c3: #c08ad9;
  --c4: #d0b04a; --panel: #1c2227; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; max-width: 1140px; margin: 0 auto; padding: 24px; }
header { border-left: 6px solid var(--soft); padding: 4px 18px; background: var(--panel); }
header.valid { border-color: var(--ok); } header.invalid { border-color: var(--info); } header.unknown { border-color: var(--fail); }
h1 span { font-weight: 400; } header.valid h1 span { color: var(--ok); } header.invalid h1 span { color: var(--info); }
header.unknown h1 span { color: var(--fail); }
h2 { margin-top: 36px; border-bottom: 1px solid var(--line); } h3 { margin: 18px 0 4px; font-size: 15px; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; } tr.valid td:first-child { color: var(--ok); } tr.invalid td:first-child { color: var(--info); font-weight: 700; }
tr.unknown td:first-child { color: var(--fail); font-weight: 700; } .figures, .why { color: var(--soft); font-size: 13px; }
svg { width: 100%; height: auto; display: block; } pre { background: var(--panel); padding: 12px; overflow: auto; font-size: 12.5px; }
svg .label, svg .inside { font: 10.5px ui-monospace, monospace; fill: var(--text); } svg .before { text-anchor: end; } svg .tick { font: 10px system-ui; fill: var(--soft); text-anchor: middle; }
svg .tick-left { font: 10.5px system-ui; fill: var(--soft); } svg .fault-name { font: 10px system-ui; fill: var(--soft); }
svg .grid { stroke: var(--line); stroke-width: 1; } .ok { fill: var(--ok); } .fail { fill: var(--fail); } .info { fill: var(--info); }
.fault { fill: var(--band); } svg .line { fill: none; stroke-width: 1.6; } svg .legend { font: 11px system-ui; }
${[0, 1, 2, 3, 4].map((i) => `svg .line-${i} { stroke: var(--c${i}); } svg .legend-${i} { fill: var(--c${i}); }`).join(' ')}
.key { display: inline-block; width: 14px; height: 10px; } .key.ok { background: var(--ok); } .key.fail { background: var(--fail); }
.key.info { background: var(--info); } .key.fault { background: var(--band); outline: 1px solid var(--line); }
.violation { border-left: 4px solid var(--info); padding-left: 16px; }
`;
