/**
 * The style of every page.
 * @module
 */

/** Hues of the six shades of each group: cool for IP, green for TCP, warm for options. */
const HUES = {
  i: [250, 222, 275, 208, 262, 236],
  t: [160, 182, 140, 170, 150, 192],
  o: [85, 55, 105, 70, 40, 95],
  m: [25, 25, 25, 25, 25, 25],
} as const

/** Even and odd shades differ in lightness too, for eyes that do not tell the hues. */
function shades(
  light: readonly [number, number, number, number],
  dark: readonly [number, number, number, number],
): string {
  const rules: string[] = []
  for (const [letter, hues] of Object.entries(HUES)) {
    hues.forEach((hue, i) => {
      const [l0, l1, chroma, edge] = light
      const [d0, d1, darkChroma, darkEdge] = dark
      const even = i % 2 === 0
      rules.push(
        `.${letter}${i}{--bg:oklch(${even ? l0 : l1} ${chroma} ${hue});--edge:oklch(${edge} .1 ${hue});` +
          `--dbg:oklch(${even ? d0 : d1} ${darkChroma} ${hue});--dedge:oklch(${darkEdge} .09 ${hue})}`,
      )
    })
  }
  return rules.join('\n')
}

const SPANS = /* @__PURE__ */ Array.from({ length: 32 }, (_, i) => `.b${i + 1}{grid-column:span ${i + 1}}`).join('')

/** One style sheet: system fonts, light and dark, from 320 px up. */
export const STYLE: string = /* @__PURE__ */ `
:root{color-scheme:light dark;
--paper:#f7f7f4;--card:#fff;--ink:#1b2230;--soft:#5a6475;--faint:#e3e4e0;--accent:#1f5fbf;--on-accent:#fff;
--good:#1a7a4c;--warn:#9a5b00;--bad:#b3261e;--shadow:0 1px 2px #1b223012,0 6px 24px #1b22300f;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace}
@media (prefers-color-scheme:dark){:root{
--paper:#10141c;--card:#181e29;--ink:#e8ebf1;--soft:#9ba7b9;--faint:#2b3443;--accent:#8ab8ff;--on-accent:#0c1626;
--good:#6fd6a3;--warn:#f2bd6b;--bad:#ff9a90;--shadow:0 1px 2px #0006,0 8px 28px #0005}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
a{color:var(--accent)}
code{font-family:var(--mono);font-size:.9em;overflow-wrap:anywhere}
small{color:var(--soft);font-size:.85em}
h1,h2{line-height:1.2;text-wrap:balance;margin:0}
h1{font-size:clamp(1.6rem,1.15rem + 2vw,2.3rem);letter-spacing:-.02em;overflow-wrap:anywhere}
h2{font-size:1.2rem;letter-spacing:-.01em;margin-bottom:.6rem}
p{margin:0 0 .8rem;overflow-wrap:anywhere}
dl,dd,ol{margin:0;padding:0}
button,textarea,input{font:inherit;color:inherit}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.quiet{color:var(--soft);font-size:.94rem}
.top{display:flex;flex-wrap:wrap;gap:.3rem 1.6rem;align-items:baseline;max-width:68rem;margin:0 auto;padding:1.1rem 1.25rem .2rem}
.brand{font-weight:700;letter-spacing:-.01em}
.brand::before{content:"";display:inline-block;width:.72em;height:.8em;margin-right:.5em;border-radius:2px;background:linear-gradient(oklch(.7 .13 250) 0 32%,oklch(.72 .13 160) 32% 66%,oklch(.8 .14 80) 66%)}
nav{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;font-size:.95rem}
nav a{text-decoration:none;color:var(--soft);padding:.2rem 0;border-bottom:2px solid transparent}
nav a:hover{color:var(--ink)}
nav a[aria-current]{color:var(--ink);border-color:var(--accent)}
main{max-width:68rem;margin:0 auto;padding:0 1.25rem}
section:not(.diagram,.octets){margin:1.1rem 0;min-width:0}
main>section:not(.hero),.columns>section{background:var(--card);border:1px solid var(--faint);border-radius:14px;padding:1.25rem;box-shadow:var(--shadow)}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.1rem}
.columns>*{min-width:0}
main>.columns{margin:1.1rem 0}
main>.columns>section{margin:0}
.hero{padding:1.6rem 0 .2rem}
.hero.result{padding-top:.6rem}
.kicker{color:var(--soft);margin:0 0 .2rem}
.strip{display:flex;flex-wrap:wrap;gap:.7rem 2.2rem;margin-top:1.1rem}
.fact dt{color:var(--soft);font-size:.82rem}
.fact dd{font-weight:600;overflow-wrap:anywhere}
.packet{display:grid;gap:1.3rem}
.diagram{padding-left:1.9rem}
.ruler,.row{display:grid;grid-template-columns:repeat(32,minmax(0,1fr))}
.ruler{font:.62rem/1.4 var(--mono);color:var(--soft);text-align:center}
.row{position:relative;border-left:1px solid var(--faint)}
.row::before{content:attr(data-octet);position:absolute;right:100%;top:.35rem;padding-right:.45rem;font:.68rem/1 var(--mono);color:var(--soft)}
${SPANS}
${shades([0.93, 0.885, 0.055, 0.62], [0.335, 0.395, 0.055, 0.6])}
.f,.octet{appearance:none;border:0;margin:0;background:var(--bg);color:var(--ink);text-align:center;cursor:help}
.f{min-width:0;min-height:2.9rem;padding:.25rem .1rem;display:flex;flex-direction:column;justify-content:center;align-items:stretch;line-height:1.15;box-shadow:inset 0 0 0 .5px var(--edge)}
.name{font-size:.74rem;color:var(--ink);opacity:.78;overflow-wrap:anywhere;hyphens:auto}
.f .value{font:600 .86rem/1.2 var(--mono);overflow-wrap:anywhere;margin-top:.12rem}
.b1 .name,.b2 .name,.b3 .name{font-size:.6rem;letter-spacing:-.02em}
.set .name{opacity:1;font-weight:700}
.omitted{color:var(--soft);font-size:.85rem;margin:.3rem 0;text-align:center}
.octets{position:relative;display:flex;flex-wrap:wrap;gap:2px;padding-left:1.9rem}
.octet{font:500 .86rem/1 var(--mono);padding:.36rem .3rem;border-radius:4px;min-width:1.8rem}
.octet>span:not(.tip){display:inline-block;padding:.36rem 0 .36rem .3rem;margin:-.36rem 0 -.36rem -.3rem;background:var(--bg);border-radius:4px 0 0 4px}
.octet>span:not(.tip)+span:not(.tip){padding:.36rem .3rem .36rem 0;margin:-.36rem -.3rem -.36rem 0;border-radius:0 4px 4px 0}
span.octet{background:var(--faint);text-align:center}
.on,.f:hover,.octet:hover,.f:focus,.octet:focus{box-shadow:inset 0 0 0 2px var(--edge),inset 0 0 0 9rem oklch(.5 .15 255/.13)}
.on .name,.f:hover .name,.f:focus .name{opacity:1}
.tip{position:absolute;z-index:5;top:calc(100% + 5px);left:0;right:0;display:none;padding:.7rem .9rem;border-radius:10px;background:var(--ink);color:var(--paper);font:.9rem/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;text-align:left;overflow-wrap:anywhere;box-shadow:0 8px 30px #0005;pointer-events:none}
.row .tip{left:-1.9rem}
.tip-head{display:block;margin-bottom:.15rem}
.tip small{color:inherit;opacity:.7;margin-left:.3rem}
.f:hover>.tip,.octet:hover>.tip{display:block}
.f:focus>.tip,.octet:focus>.tip{display:block}
.packet:has(:hover>.tip) :focus:not(:hover)>.tip{display:none}
.options{list-style:none;counter-reset:o}
.options li{display:grid;grid-template-columns:1.6rem minmax(0,1fr);gap:0 .3rem;padding:.45rem 0;border-top:1px solid var(--faint)}
.options li:first-child{border:0}
.options li::before{counter-increment:o;content:counter(o);color:var(--soft);font:.8rem/1.9 var(--mono)}
.options li.padding::before{content:""}
.options .option-name{font-weight:600}
.options .option-value,.options code{grid-column:2}
.options .option-value:empty{display:none}
.options code{color:var(--soft)}
.bad .option-value,.bad .option-name{color:var(--bad)}
.strings>div,.facts>div{padding:.5rem 0;border-top:1px solid var(--faint)}
.strings>div:first-child,.facts>div:first-child{border:0;padding-top:0}
.strings dt,.facts dt{font-weight:600}
.strings small,.facts small{font-weight:400}
.facts:not(.missing) dt{font-weight:400;color:var(--soft);font-size:.92rem}
.facts dd small{display:block}
.copyable{display:flex;gap:.6rem;align-items:start;justify-content:space-between}
.copy{display:none;flex:none;border:1px solid var(--faint);border-radius:8px;background:var(--paper);font-size:.82rem;padding:.16rem .6rem;cursor:pointer;min-width:4.6rem}
.copy:hover{border-color:var(--accent);color:var(--accent)}
.js .copy{display:inline-block}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:baseline;padding:.42rem .8rem .42rem 0;border-top:1px solid var(--faint);font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th{border:0;color:var(--soft);font-size:.82rem}
tbody th{white-space:nowrap}
.info .value{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;font-weight:600}
.info .value small{display:inline-block;min-width:4.2em;text-align:left;font-weight:400}
.info thead th:nth-child(2){text-align:right;padding-right:4.6em}
.zero{margin-top:.8rem}
.zero .value{font-weight:400}
.verdict{font-weight:600;color:var(--good);white-space:nowrap}
.any .verdict{color:var(--soft);font-weight:400}
.tolerated .verdict,.mismatch b{color:var(--warn)}
.differs .verdict{color:var(--bad)}
.match b{color:var(--good)}
.long{display:block;padding:.6rem .8rem;border-radius:8px;background:var(--paper)}
.compare{margin:0}
.ladder{display:block;width:100%;max-width:27rem;height:auto;justify-self:center;font-size:12px;fill:var(--ink)}
.ladder .life{stroke:var(--faint);stroke-width:2;fill:none}
.ladder .end{fill:var(--soft)}
.segment line{stroke:var(--accent);stroke-width:2}
.segment path{fill:var(--accent)}
.segment text{font-weight:600}
.segment.unknown{opacity:.45}
.segment.unknown line{stroke-dasharray:5 4}
.span path{fill:none;stroke:var(--soft);stroke-width:1.5}
.span .big{font-size:14px;font-weight:700}
.span .small{fill:var(--soft);font-size:11.5px}
.span.unknown .big{fill:var(--soft)}
details summary{cursor:pointer}
.env{margin-top:.6rem;font-size:.9rem}
.env>div{display:grid;grid-template-columns:minmax(0,22rem) minmax(0,1fr);gap:0 1rem;padding:.2rem 0}
.env dt code{color:var(--soft)}
form{margin-top:1.1rem}
form>label{display:block;margin-bottom:.4rem;color:var(--soft);font-size:.94rem}
textarea{display:block;width:100%;padding:.8rem 1rem;border:1px solid var(--faint);border-radius:12px;background:var(--card);font:.9rem/1.5 var(--mono);resize:vertical;overflow-wrap:anywhere}
textarea::placeholder{color:var(--soft);opacity:.6}
.form-row{display:flex;flex-wrap:wrap;gap:.7rem 1.4rem;align-items:center;justify-content:space-between;margin:.8rem 0}
fieldset{border:0;padding:0;margin:0;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem}
.choice{white-space:nowrap}
.choice input{accent-color:var(--accent)}
.primary{border:0;border-radius:10px;padding:.6rem 1.3rem;background:var(--accent);color:var(--on-accent);font-weight:600;cursor:pointer}
.primary:hover{filter:brightness(1.1)}
main>.error{border-color:var(--bad)}
.error p{margin:0}
.error h2{color:var(--bad)}
.live td{overflow-wrap:anywhere}
.live td:nth-child(2),.live td:nth-child(4){font-family:var(--mono);font-size:.86em}
.live td:nth-child(n+5),.live th:nth-child(n+5){white-space:nowrap}
.live .new{animation:arrive 1.6s}
@keyframes arrive{from{background:oklch(.85 .12 160/.55)}}
.lamp{display:inline-block;width:.62em;height:.62em;border-radius:50%;background:var(--soft);margin-right:.35em}
.streaming .lamp{background:oklch(.7 .17 150)}
.status{position:fixed;left:50%;bottom:1.2rem;transform:translate(-50%,4rem);padding:.5rem 1.1rem;border-radius:99px;background:var(--ink);color:var(--paper);opacity:0;transition:.2s;pointer-events:none;white-space:nowrap}
.status.shown{transform:translate(-50%,0);opacity:1}
footer{max-width:68rem;margin:0 auto;padding:1rem 1.25rem 3.5rem;color:var(--soft);font-size:.88rem}
@media (prefers-color-scheme:dark){.f,.octet,.octet>span:not(.tip){background:var(--dbg)}.f{box-shadow:inset 0 0 0 .5px var(--dedge)}
span.octet{background:var(--faint)}
.on,.f:hover,.octet:hover,.f:focus,.octet:focus{box-shadow:inset 0 0 0 2px var(--dedge),inset 0 0 0 9rem oklch(.8 .1 255/.16)}}
@media (max-width:44rem){
main,.top,footer{padding-left:.8rem;padding-right:.8rem}
main>section:not(.hero),.columns>section{padding:1rem .8rem;border-radius:12px}
.diagram,.octets{padding-left:1.2rem}
.row .tip{left:-1.2rem}
.row::before{padding-right:.25rem;font-size:.6rem}
.ruler span:not(.octet-start){visibility:hidden}
.name{font-size:.62rem}
.f .value{font-size:.72rem}
.b4 .name{font-size:.56rem;letter-spacing:-.02em}
.b1,.b2,.b3{padding:.3rem 0}
.b1 .name,.b2 .name,.b3 .name{writing-mode:vertical-rl;align-self:center;line-height:1;font-size:.58rem}
.b1 .value,.b2 .value,.b3 .value{font-size:.66rem}
.octet{padding:.36rem .2rem;min-width:1.55rem;font-size:.78rem}
.octet>span:not(.tip){padding-left:.2rem;margin-left:-.2rem}
.octet>span:not(.tip)+span:not(.tip){padding:.36rem .2rem .36rem 0;margin:-.36rem -.2rem -.36rem 0}
.env>div{grid-template-columns:1fr}
.info thead,.parts thead,.live thead{display:none}
.info tr{display:grid;grid-template-columns:minmax(0,1fr) auto;padding:.4rem 0;border-top:1px solid var(--faint)}
.info th,.info td{border:0;padding:0}
.info td:last-child{grid-column:1/-1;color:var(--soft);font-size:.86rem}
.info .value small{min-width:0}
.parts tr,.live tr{display:block;padding:.5rem 0;border-top:1px solid var(--faint)}
.parts th,.parts td,.live td{display:block;border:0;padding:.08rem 0}
.parts th{font-weight:600}
.parts td::before,.live td::before{content:attr(data-head);display:inline-block;width:7.2rem;color:var(--soft);font:.84rem/1.5 system-ui,sans-serif}
.live td:empty{display:none}}
@media (prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}
@media print{.copy,.status,nav{display:none!important}.f,.octet{print-color-adjust:exact}}
`
