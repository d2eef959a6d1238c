/* SPDX-License-Identifier: MIT
 * flame.js - search, zoom, details and keys of one flame graph; finds its picture by the script
 * element that it is in, so that a page may hold many. Boxes stand in the file as in a walk:
 * each before its callees. */
(function () {
	'use strict';
	const picture = document.currentScript.closest('svg.pendflame');
	const html = 'http://www.w3.org/1999/xhtml', space = 'http://www.w3.org/2000/svg';
	const alone = document.documentElement === picture;
	const boxes = [];
	let zoomed = null, current = null, wanted = '', letter = 7.25;

	const make = (where, name, parent, properties) => {
		const element = document.createElementNS(where, name);
		for (const key in properties)
			element.setAttribute(key, properties[key]);
		return parent.appendChild(element);
	};

	/* ---- what there is ---- */
	const path = [];
	for (const element of picture.querySelectorAll('.f')) {
		const title = element.querySelector('title').textContent;
		const level = +element.getAttribute('aria-level');
		const box = {
			element, level, title: title.split('\n').join(' \u2014 '),
			name: title.split('\n')[0], text: element.querySelector('text'),
			x: parseFloat(element.getAttribute('x')),
			width: parseFloat(element.getAttribute('width')),
			parent: path[level - 2] || null, callees: [], shown: true, hit: false };
		path.length = level - 1;
		path.push(box);
		if (box.parent)
			box.parent.callees.push(box);
		element.box = box;
		boxes.push(box);
	}

	/* ---- the two lines below the title ---- */
	const frame = make(space, 'foreignObject', picture, { x: 0, y: 32, width: '100%', height: 28 });
	const tools = make(html, 'div', frame, { class: 'flame-tools' });
	const search = make(html, 'input', tools,
		{ type: 'search', placeholder: 'search', 'aria-label': 'search functions' });
	const reset = make(html, 'button', tools,
		{ type: 'button', 'aria-label': 'zoom out, clear search' });
	reset.textContent = 'reset';
	const line = make(space, 'svg', picture,
		{ x: 0, y: 62, width: '100%', height: 24, class: 'flame-details' });
	const details = make(space, 'text', line, { x: 3, y: 16, role: 'status', 'aria-live': 'polite' });
	const head = picture.querySelector('.flame-head');
	const notes = [...picture.querySelectorAll('.flame-note')].map(text => [text, text.textContent]);
	const title = head.querySelector('text'), full = title.textContent;

	/* ---- drawing ---- */
	const fit = (text, name, width) => {
		let room = Math.floor((width - 6) / letter);
		if (name.length <= room && /^[ -~]*$/.test(name)) {
			text.textContent = name;
			return;
		}
		text.textContent = name.length <= room ? name : '';
		while (room >= 3 && (text.textContent === '' || text.getComputedTextLength() > width - 5)) {
			text.textContent = name.slice(0, room - 1) + '\u2026';
			room--;
		}
		if (room < 3)
			text.textContent = '';
	};
	const shorten = (text, name, width) => {
		text.textContent = name;
		for (let n = name.length - 1; n > 0 && text.getComputedTextLength() > width; n--)
			text.textContent = name.slice(0, n) + '\u2026';
	};
	const measure = () => {
		details.textContent = 'MMMMMMMMMM';
		letter = details.getComputedTextLength() / 10 || letter;
	};
	const width_now = () => picture.getBoundingClientRect().width;
	const is_below = (box, other) => {
		while (other && other !== box)
			other = other.parent;
		return other === box;
	};
	const draw = () => {
		const root = zoomed || boxes[0], whole = width_now();
		measure();
		for (const box of boxes) {
			const below = box !== root && is_below(box, root);
			const width = below ? 100 : box.width / root.width * 100;
			box.shown = (below || is_below(root, box)) && width * whole / 100 >= 0.5;
			box.element.style.display = box.shown ? '' : 'none';
			box.element.classList.toggle('below', below);
			if (!box.shown)
				continue;
			box.element.setAttribute('x', below ? '0%' : (box.x - root.x) / root.width * 100 + '%');
			box.element.setAttribute('width', width + '%');
			fit(box.text, box.name, width * whole / 100);
		}
		for (const [text, name] of notes)
			shorten(text, name, whole - text.getAttribute('x') - 3);
		shorten(title, full, whole - 6);
		tell();
	};

	/* ---- details and search ---- */
	const found = () => {
		const root = zoomed || boxes[0];
		let count = 0, share = 0;
		for (const box of boxes) {
			let above = box.parent;
			if (!box.hit || !is_below(root, box))
				continue;
			count++;
			while (above && !(above.hit && is_below(root, above)))
				above = above.parent;
			if (!above)
				share += box.width / root.width * 100;
		}
		return count + (count === 1 ? ' box, ' : ' boxes, ') + share.toFixed(1) + ' %';
	};
	const tell = () => {
		const text = current ? current.title : wanted ? found() + ' of ' +
			(zoomed ? zoomed.name : 'all') : zoomed ? zoomed.title : '';
		fit(details, text, width_now());
	};
	const look = () => {
		wanted = search.value.trim().toLowerCase();
		for (const box of boxes) {
			box.hit = wanted !== '' && box.name.toLowerCase().includes(wanted);
			box.element.classList.toggle('hit', box.hit);
		}
		current = null;
		tell();
	};
	const zoom = box => {
		zoomed = box === boxes[0] ? null : box;
		draw();
	};

	/* ---- keys ---- */
	const go = box => {
		if (!box)
			return;
		for (const other of boxes)
			other.element.setAttribute('tabindex', other === box ? 0 : -1);
		box.element.focus();
	};
	const widest = list => list.filter(box => box.shown).sort((a, b) => b.width - a.width)[0];
	const beside = (box, step) => {
		const row = boxes.filter(other => other.level === box.level && other.shown);
		return row[row.indexOf(box) + step];
	};
	const keys = {
		ArrowUp: box => go(widest(box.callees)), ArrowDown: box => go(box.parent),
		ArrowLeft: box => go(beside(box, -1)), ArrowRight: box => go(beside(box, 1)),
		Home: () => go(boxes[0]), Enter: zoom, ' ': zoom };
	const clear = () => {
		search.value = '';
		look();
		zoom(boxes[0]);
	};
	picture.addEventListener('keydown', event => {
		const box = event.target.box;
		if ((event.ctrlKey || event.metaKey) && event.key === 'f' && event.target !== search) {
			event.preventDefault();
			search.focus();
		} else if (event.key === 'Escape') {
			clear();
		} else if (event.target === search && event.key === 'Enter') {
			go(boxes.find(other => other.hit && other.shown));
		} else if (box && keys[event.key] && !event.ctrlKey && !event.altKey && !event.metaKey) {
			event.preventDefault();
			keys[event.key](box);
		}
	});
	if (alone)
		document.addEventListener('keydown', event => {
			if ((event.ctrlKey || event.metaKey) && event.key === 'f' && !event.defaultPrevented) {
				event.preventDefault();
				search.focus();
			} else if (event.key === 'Escape' && !event.defaultPrevented) {
				clear();
			}
		});
	for (const box of boxes) {
		const point = on => () => {
			current = on ? box : null;
			tell();
		};
		for (const name of ['mouseenter', 'focus'])
			box.element.addEventListener(name, point(true));
		for (const name of ['mouseleave', 'blur'])
			box.element.addEventListener(name, point(false));
		box.element.addEventListener('click', () => zoom(box));
	}
	search.addEventListener('input', look);
	reset.addEventListener('click', clear);
	if (boxes.length) {
		new ResizeObserver(draw).observe(picture);
		draw();
	}
})();
