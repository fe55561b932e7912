// SPDX-License-Identifier: BSD-2-Clause
// Has daily-js load the call machine from this local Daily: the one script tag of a web app, before
// the app's own scripts. Nothing else of the page changes.

const MACHINE = new URL("call-machine-object-bundle.js", document.currentScript.src).href;
const BUNDLE =
  /^https:\/\/c\.(daily\.co|dailywebrtc\.com|dailywebrtc\.net)\/call-machine\/versioned\/[^/]+\/static\/call-machine-object-bundle\.js$/;
const rerouted = (url) => (BUNDLE.test(String(url)) ? MACHINE : url);

const fetchAsIs = window.fetch;
window.fetch = function fetch(request, ...options) {
  const url = request instanceof Request ? request.url : request;
  return fetchAsIs.call(this, BUNDLE.test(String(url)) ? MACHINE : request, ...options);
};

// With avoidEval, daily-js makes a script element instead.
const source = Object.getOwnPropertyDescriptor(HTMLScriptElement.prototype, "src");
Object.defineProperty(HTMLScriptElement.prototype, "src", {
  ...source,
  set(url) {
    source.set.call(this, rerouted(url));
  },
});
