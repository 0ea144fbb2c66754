"use strict";
// A live piece of page is what the server sends of it each second; without this script it is renewed by reloading.
for (const live of document.querySelectorAll("[data-live]")) {
  const events = new EventSource(live.dataset.live);
  events.onmessage = (event) => { live.innerHTML = event.data; };
}
