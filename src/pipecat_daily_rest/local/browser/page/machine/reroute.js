// SPDX-License-Identifier: BSD-2-Clause
// Has daily-js load the call machine of this local Daily: the one script tag of a web app, before
// the app's own scripts. Nothing else of the page changes.

// At hand, and not fetched when a call begins: where that fails, daily-js tries again for long, names
// no reason that helps, and reports to its vendor.
const CODE = "CALL MACHINE"; // routes.py puts it here
const MACHINE = new URL("call-machine-object-bundle.js", document.currentScript.src).href;
const BUNDLE =
  /^https:\/\/c\.(daily\.co|dailywebrtc\.com|dailywebrtc\.net)\/call-machine\/versioned\/[^/]+\/static\/call-machine-object-bundle\.js$/;
const rerouted = (url) => (BUNDLE.test(String(url)) ? MACHINE : url);

const fetchAsIs = window.fetch;
window.fetch = function fetch(request, ...options) {
  const url = request instanceof Request ? request.url : request;
  if (!BUNDLE.test(String(url))) return fetchAsIs.call(this, request, ...options);
  return Promise.resolve(new Response(CODE, { headers: { "Content-Type": "text/javascript" } }));
};

// With avoidEval, daily-js makes a script element instead.
const source = Object.getOwnPropertyDescriptor(HTMLScriptElement.prototype, "src");
Object.defineProperty(HTMLScriptElement.prototype, "src", {
  ...source,
  set(url) {
    source.set.call(this, rerouted(url));
  },
});
