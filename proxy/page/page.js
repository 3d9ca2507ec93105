"use strict";

async function show() {
  const answer = await fetch("v1/status");
  const text = JSON.stringify(await answer.json(), null, 2);
  document.getElementById("status").textContent = text;
}

show();
setInterval(show, 2000);
