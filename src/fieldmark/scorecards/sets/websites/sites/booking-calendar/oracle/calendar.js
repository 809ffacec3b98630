const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const PRICE = 95;
const $ = id => document.getElementById(id), status = document.querySelector("[role=status]");
// Days are counted from the epoch, so that no change of the clocks disturbs the sums.
const day = (year, month, date) => Date.UTC(year, month, date) / 86400000;
const date = number => new Date(number * 86400000);
const words = number => `${date(number).getUTCDate()} ${MONTHS[date(number).getUTCMonth()]} ${date(number).getUTCFullYear()}`;

const now = new Date(), today = day(now.getFullYear(), now.getMonth(), now.getDate());
const present = now.getFullYear() * 12 + now.getMonth();
let month = present, taken = new Set(), arrival = null, departure = null;

function last() {
  let end = arrival + 1;
  while (!taken.has(end) && end < arrival + 1000) end++;
  return end;
}
function free(number) {
  if (number < today) return false;
  const leaving = arrival !== null && departure === null && number > arrival;
  return leaving ? number <= last() : !taken.has(number);
}
function click(number) {
  if (arrival === null || departure !== null || number <= arrival) [arrival, departure] = [number, null];
  else departure = number;
  show();
}
function show() {
  const year = Math.floor(month / 12), first = day(year, month % 12, 1), next = day(year, (month % 12) + 1, 1);
  document.querySelector("h2").textContent = `${MONTHS[month % 12]} ${year}`;
  $("back").disabled = month <= present;
  const buttons = [];
  for (let number = first; number < next; number++) {
    const button = document.createElement("button");
    button.textContent = number - first + 1;
    button.setAttribute("aria-label", words(number));
    button.disabled = !free(number);
    button.setAttribute("aria-pressed", String(arrival !== null && number >= arrival && number <= (departure ?? arrival)));
    button.onclick = () => click(number);
    buttons.push(button);
  }
  buttons[0].style.gridColumnStart = ((date(first).getUTCDay() + 6) % 7) + 1;
  $("days").replaceChildren(...buttons);
  const nights = departure - arrival;
  status.textContent =
    arrival === null ? "Choose the day of arrival."
    : departure === null ? "Choose the day of departure."
    : `${nights} night${nights === 1 ? "" : "s"}, ${words(arrival)} to ${words(departure)}: €${nights * PRICE}`;
}
$("back").onclick = () => { month--; show(); };
$("on").onclick = () => { month++; show(); };
fetch("data/booked.json").then(answer => answer.json()).then(nights => {
  taken = new Set(nights.map(text => Date.parse(text) / 86400000));
  show();
});
