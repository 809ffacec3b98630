/** Imported before any part that is loaded later: their words. */
import more from "../messages/en-more.json";
import { learn } from "./messages";

learn(more);
