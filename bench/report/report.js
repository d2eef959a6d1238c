/* SPDX-License-Identifier: MIT */
/* Everything is on the page without this: it sorts, filters, explains points, and saves. */
(function () {
	"use strict";
	var root = document.documentElement;

	function each(selector, act, within) {
		Array.prototype.forEach.call((within || document).querySelectorAll(selector), act);
	}

	/* Sorts by numbers where cells have them, by text otherwise; what is empty comes last. */
	function keyOf(row, column) {
		var cell = row.cells[column];
		if (!cell) return null;
		if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
		var text = cell.textContent.trim();
		return cell.className === "number" || text === "" ? null : text;
	}

	function compare(a, b, sign) {
		if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
		if (typeof a === "number" && typeof b === "number") return sign * (a - b);
		return sign * String(a).localeCompare(String(b), "en", { numeric: true });
	}

	function sort(table, column, heading) {
		var body = table.tBodies[0];
		var sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
		var rows = Array.prototype.map.call(body.rows, function (row, place) {
			return { row: row, key: keyOf(row, column), place: place };
		});
		rows.sort(function (a, b) {
			return compare(a.key, b.key, sign) || a.place - b.place;
		});
		rows.forEach(function (entry) { body.appendChild(entry.row); });
		each("th", function (other) { other.removeAttribute("aria-sort"); }, table);
		heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
	}

	each("table.data", function (table) {
		each("thead th", function (heading, column) {
			var button = document.createElement("button");
			button.type = "button";
			button.id = table.id + "-sort-" + column;
			button.textContent = heading.textContent;
			button.title = "sort by " + heading.textContent;
			button.addEventListener("click", function () { sort(table, column, heading); });
			heading.textContent = "";
			heading.appendChild(button);
		}, table);
	});

	/* Rows that have all the words; tables that have such rows are opened. */
	var filter = document.getElementById("filter");
	filter.hidden = false;
	filter.addEventListener("input", function () {
		var words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
		each("table.data", function (table) {
			var name = table.id.replace(/^(figures|every)-/, "").toLowerCase(), any = false;
			each("tbody tr", function (row) {
				if (!row.words) row.words = name + " " + row.textContent.toLowerCase();
				var has = words.every(function (word) {
					return row.words.indexOf(word) >= 0;
				});
				row.hidden = !has;
				any = any || has;
			}, table);
			var fold = table.closest("details.numbers");
			if (fold && words.length) fold.open = any;
		});
		each("details.bench", function (bench) {
			bench.hidden = !bench.querySelector("tbody tr:not([hidden])");
		});
	});

	var theme = document.getElementById("theme");
	theme.hidden = false;
	theme.addEventListener("click", function () {
		var dark = root.dataset.theme ? root.dataset.theme === "dark"
			: window.matchMedia("(prefers-color-scheme: dark)").matches;
		root.dataset.theme = dark ? "light" : "dark";
	});

	var download = document.getElementById("download");
	var raw = document.getElementById("raw");
	if (download && raw) {
		download.hidden = false;
		download.addEventListener("click", function () {
			var link = document.createElement("a");
			var blob = new Blob([raw.textContent], { type: "application/json" });
			link.href = URL.createObjectURL(blob);
			link.download = "results.json";
			link.click();
			setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
		});
	}

	/* Titles of shapes at once, instead of after a second. */
	var tip = document.createElement("div");
	tip.id = "tip";
	tip.hidden = true;
	document.body.appendChild(tip);
	function titled(element) {
		for (; element && element.nodeName !== "svg"; element = element.parentNode) {
			var title = element.firstElementChild;
			if (title && title.nodeName === "title") return title;
		}
		return null;
	}
	each("figure.plot svg", function (svg) {
		var own = svg.firstElementChild;
		svg.addEventListener("pointermove", function (event) {
			var title = titled(event.target);
			tip.hidden = !title || title === own;
			if (tip.hidden) return;
			tip.textContent = title.textContent;
			var x = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 6);
			tip.style.left = Math.max(4, x) + "px";
			var y = event.clientY - tip.offsetHeight - 10;
			tip.style.top = (y < 4 ? event.clientY + 16 : y) + "px";
		});
		svg.addEventListener("pointerleave", function () { tip.hidden = true; });
	});
})();
