// Works about as much, and as often, as a guard that renews on three links, and does nothing else: how late its loop
// is shows what the machine gives at that time to any such process.
const INTERVAL_MS = 400;
const LINKS = 3;
/** About a millisecond each on the machine that the goals were measured on. */
const ROUNDS = 100;
const message = {
  kind: 'renew',
  holder: 'db1',
  term: 7,
  history: Array.from({ length: 20 }, String),
};

setInterval(() => {
  for (let link = 0; link < LINKS; link += 1) setImmediate(work);
}, INTERVAL_MS);

function work() {
  let text = JSON.stringify(message);
  for (let round = 0; round < ROUNDS; round += 1) text = JSON.stringify(JSON.parse(text));
  return text;
}
