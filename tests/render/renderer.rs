//! A renderer that goes on: changes, times, slabs, a lost device, a window.

use super::*;

#[test]
fn the_renderer_follows_every_change() {
    let Some(gpu) = gpu() else { return };
    let grid = straight([70, 66, 40], [1.0, 1.0, 2.0]);
    let mut case = Case::new(Arc::new(ct(grid.clone())));
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Bgra8Unorm);
    let at = VoxelIndex::new(31, 33, 20);
    let pane = Pane::fitted(AnatomicalPlane::Axial, SliceSource::Acquisition, &grid, SIZE);
    let view = pane.view(SliceSource::Acquisition, &grid, grid.centre_of(at), SIZE);
    let wanted = Picture::slice(view, Display::with_window(Window::new(40.0, 400.0)));
    let mut agree = |case: &Case, what: &str| {
        assert_eq!(renderer.sync(case, 0, Pace::Whole), Progress::Complete);
        renderer.prepare_pane(7, &wanted, PIXELS);
        let (different, worst) =
            difference(&renderer.read_pane(7).expect("read"), &draw_on_cpu(case, &wanted, PIXELS));
        assert!(different <= 2.0, "{what}: {different} ‰ differ, by up to {worst}");
    };
    let square = |from: usize, to: usize| -> Vec<VoxelIndex> {
        (from..to).flat_map(|j| (from..to).map(move |i| VoxelIndex::new(i, j, 20))).collect()
    };
    agree(&case, "nothing painted");
    let before = case.clone();
    painted(&mut case, 1, &square(10, 50));
    agree(&case, "painted over brick borders");
    painted(&mut case, 2, &square(20, 40));
    agree(&case, "painted over");
    painted(&mut case, 300, &square(30, 60));
    agree(&case, "a label that needs 16 bits");
    case.set_label_visible(300, false);
    let label = Label { visible: false, ..Label::new("hidden", Colour([1, 2, 3])) };
    let edit = Edit::set_label(&case, 300, Some(label)).expect("a change");
    case.apply(&edit).expect("applies");
    agree(&case, "hidden");
    painted(&mut case, 0, &square(0, 66));
    agree(&case, "erased");
    // Another case over the same volume, whose label map counts its own revisions.
    let mut other = before;
    painted(&mut other, 5, &square(5, 25));
    agree(&other, "another case of the same volume");
    let case = Case::new(Arc::new(ct(grid.clone())));
    agree(&case, "another volume");
}

#[test]
fn every_point_in_time_is_its_own_picture() {
    let Some(gpu) = gpu() else { return };
    let grid = straight([30, 20, 10], [1.0, 1.0, 1.0]);
    let samples = Samples::U8(buffer(3 * grid.voxel_count(), |n| n as u8));
    let volume = Volume::new(grid.clone(), 3, samples, Rescale::NONE).expect("a volume");
    let case = Case::new(Arc::new(volume));
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Rgba8Unorm);
    let view = view(&grid, AnatomicalPlane::Axial, SliceSource::Acquisition);
    for time in [0, 2, 1, 0] {
        let display = Display { time, ..Display::with_window(Window::new(128.0, 256.0)) };
        let wanted = Picture::slice(view, display);
        renderer.sync(&case, time, Pace::Whole);
        renderer.prepare_pane(1, &wanted, PIXELS);
        let (different, worst) =
            difference(&renderer.read_pane(1).expect("read"), &draw_on_cpu(&case, &wanted, PIXELS));
        assert!(different <= 1.0, "time {time}: {different} ‰ differ, by up to {worst}");
    }
}

#[test]
fn slabs_arrive_around_the_focus_and_the_rest_is_black() {
    let Some(gpu) = gpu() else { return };
    let grid = straight([128, 128, 60], [1.0, 1.0, 1.0]);
    let case = Case::new(Arc::new(ct(grid.clone())));
    let focus = grid.centre_of(VoxelIndex::new(64, 64, 40));
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Rgba8Unorm);
    let pane = Pane::fitted(AnatomicalPlane::Axial, SliceSource::Acquisition, &grid, SIZE);
    let on_slice = |renderer: &mut Renderer, k: usize| {
        let focus = grid.centre_of(VoxelIndex::new(64, 64, k));
        let view = pane.view(SliceSource::Acquisition, &grid, focus, SIZE);
        let wanted = Picture::slice(view, Display::with_window(Window::new(40.0, 400.0)));
        renderer.prepare_pane(1, &wanted, PIXELS);
        let image = renderer.read_pane(1).expect("read");
        (
            difference(&image, &draw_on_cpu(&case, &wanted, PIXELS)).0 < 1.0,
            image.rgba().iter().any(|part| *part != 0 && *part != 255),
        )
    };
    let pace = Pace::Bytes { budget: 4 * 128 * 128 * 2, focus };
    let Progress::Partly(part) = renderer.sync(&case, 0, pace) else { panic!("not all at once") };
    assert!((part - 4.0 / 60.0).abs() < 1e-9);
    assert_eq!(on_slice(&mut renderer, 40), (true, true), "the focus is there");
    assert_eq!(on_slice(&mut renderer, 3), (false, false), "what has not arrived is black");
    let mut calls = 1;
    while renderer.sync(&case, 0, pace) != Progress::Complete {
        calls += 1;
    }
    assert!((15..=17).contains(&calls), "four slices with each of {calls} calls");
    for k in [0, 3, 40, 59] {
        assert_eq!(on_slice(&mut renderer, k), (true, true), "slice {k}");
    }
}

#[test]
fn a_lost_device_costs_a_fresh_renderer_only() {
    if gpu().is_none() {
        return;
    }
    let gpu = Gpu::headless().expect("a device of its own");
    let grid = straight([20, 20, 20], [1.0, 1.0, 1.0]);
    let case = Case::new(Arc::new(ct(grid.clone())));
    let wanted = Picture::slice(
        view(&grid, AnatomicalPlane::Coronal, SliceSource::Acquisition),
        Display::with_window(Window::new(40.0, 400.0)),
    );
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Rgba8Unorm);
    renderer.sync(&case, 0, Pace::Whole);
    assert!(!gpu.is_lost());
    gpu.destroy();
    assert!(gpu.is_lost());
    // Whatever is still asked of it fails without a panic.
    renderer.sync(&Case::new(Arc::new(ct(grid.clone()))), 0, Pace::Whole);
    renderer.prepare_pane(1, &wanted, PIXELS);
    assert!(renderer.read_pane(1).is_err());
    check("after the loss", &case, &wanted, PIXELS, 1.0);
}

#[test]
fn a_volume_too_large_for_the_device_is_drawn_by_the_cpu() {
    let Some(gpu) = gpu() else { return };
    let grid = straight([gpu.adapter().max_texture_3d as usize + 1, 3, 2], [0.1, 100.0, 100.0]);
    let mut case = Case::new(Arc::new(ct(grid.clone())));
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Rgba8Unorm);
    let view = view(&grid, AnatomicalPlane::Axial, SliceSource::Acquisition);
    let wanted = Picture::slice(view, Display::with_window(Window::new(40.0, 400.0)));
    for label in [0, 1] {
        if label > 0 {
            let voxels: Vec<_> = (1700..1800).map(|i| VoxelIndex::new(i, 1, 1)).collect();
            painted(&mut case, label, &voxels);
        }
        assert_eq!(renderer.sync(&case, 0, Pace::Whole), Progress::Complete);
        assert!(renderer.drawn_by_cpu_because().is_some());
        renderer.prepare_pane(1, &wanted, PIXELS);
        assert_eq!(
            renderer.read_pane(1).expect("read").rgba(),
            draw_on_cpu(&case, &wanted, PIXELS).rgba(),
            "label {label}"
        );
    }
}

/// A device whose parts the test keeps, as a window does.
fn device_of_a_window() -> Option<(Gpu, wgpu::Device, wgpu::Queue)> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&Default::default())).ok()?;
    let request = adapter.request_device(&annotomy::render::device_descriptor(&adapter));
    let (device, queue) = pollster::block_on(request).ok()?;
    Some((Gpu::of_window(&adapter, device.clone(), queue.clone()), device, queue))
}

#[test]
fn a_pane_reaches_the_window_pixel_by_pixel() {
    if gpu().is_none() {
        return;
    }
    let (gpu, device, queue) = device_of_a_window().expect("a device of its own");
    let grid = straight([40, 30, 10], [1.0, 1.0, 1.0]);
    let case = labelled(grid.clone(), &[1, 2]);
    let view = view(&grid, AnatomicalPlane::Axial, SliceSource::Acquisition);
    let wanted = Picture::slice(view, Display::with_window(Window::new(40.0, 400.0)));
    // A window of 256 pixels; the pane begins left of it and its upper edge is covered.
    let (edge, corner, viewport) = (256u32, [-20.0f32, 30.0], [0u32, 40, 120, 100]);
    for format in [wgpu::TextureFormat::Rgba8Unorm, wgpu::TextureFormat::Rgba8UnormSrgb] {
        let mut renderer = Renderer::new(gpu.clone(), format);
        renderer.sync(&case, 0, Pace::Whole);
        renderer.prepare_pane(3, &wanted, PIXELS);
        let picture = renderer.read_pane(3).expect("read");
        let size = wgpu::Extent3d { width: edge, height: edge, depth_or_array_layers: 1 };
        let target = device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let read = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(edge * edge * 4),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        let target_view = target.create_view(&Default::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &target_view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::WHITE),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        let [left, top, width, height] = viewport;
        pass.set_viewport(left as f32, top as f32, width as f32, height as f32, 0.0, 1.0);
        renderer.paint_pane(3, &mut pass, corner);
        drop(pass);
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(edge * 4), rows_per_image: None };
        let into = wgpu::TexelCopyBufferInfo { buffer: &read, layout };
        encoder.copy_texture_to_buffer(target.as_image_copy(), into, size);
        queue.submit([encoder.finish()]);
        read.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("mapped"));
        gpu.finish().expect("drawn");
        let mapped = read.get_mapped_range(..).expect("mapped");
        for y in 0..edge {
            for x in 0..edge {
                let start = ((y * edge + x) * 4) as usize;
                let found = [0, 1, 2].map(|part| mapped[start + part]);
                let covered = (left..left + width).contains(&x) && (top..top + height).contains(&y);
                let expected = if covered {
                    let [r, g, b, _] = picture.pixel((x as i32 + 20) as u32, (y as i32 - 30) as u32);
                    [r, g, b]
                } else {
                    [255; 3]
                };
                let apart = [0, 1, 2].map(|part| found[part].abs_diff(expected[part]));
                // To linear light and back rounds once.
                assert!(apart.iter().all(|apart| *apart <= 1), "{format:?}, pixel {x}, {y}");
            }
        }
        assert_eq!(gpu.take_error(), None);
    }
}
