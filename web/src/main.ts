import { mount } from "svelte";
import "./tokens.css";
import "./base.css";
import App from "./App.svelte";
import { live } from "./lib/live.svelte";
import { setDocumentLanguage } from "./lib/messages";

setDocumentLanguage();
void live.start();
mount(App, { target: document.getElementById("app")! });
